package importer

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// meaning is what a column's name suggests: an identity, a trait, a field of the
// envelope or of the object.
type meaning struct {
	to    string // identities, traits, object, time, amount, …
	name  string // namespace or field
	names []string
}

func meanings() []meaning {
	return []meaning{
		{"identities", "user_id", []string{"customer_id", "customerid", "user_id", "userid", "uid", "member_id", "memberid", "cust_id", "client_id", "客户编号", "客户id", "客户号", "会员编号", "会员id", "会员号", "会员卡号", "用户编号", "用户id", "用户号"}},
		{"identities", "phone", []string{"phone", "mobile", "tel", "telephone", "cellphone", "phone_number", "手机", "手机号", "手机号码", "电话", "电话号码", "联系电话", "联系方式", "收货电话"}},
		{"identities", "email", []string{"email", "e_mail", "mail", "邮箱", "电子邮箱", "邮件", "电子邮件"}},
		{"identities", "unionid", []string{"unionid", "union_id"}},
		{"identities", "openid.app", []string{"openid", "open_id"}},
		{"identities", "wecom.CORP", []string{"external_userid", "externaluserid", "外部联系人id"}},
		{"time", "", []string{"time", "date", "datetime", "timestamp", "created_at", "createdat", "create_time", "order_date", "order_time", "orderdate", "paid_at", "pay_time", "event_time", "时间", "日期", "下单时间", "下单日期", "付款时间", "支付时间", "创建时间", "订单时间", "订单日期", "交易时间", "交易日期", "成交时间", "消费时间", "消费日期", "发送时间", "添加时间", "注册时间"}},
		{"amount", "", []string{"amount", "total", "revenue", "dollar_value", "order_amount", "total_amount", "paid_amount", "payment", "金额", "订单金额", "实付金额", "支付金额", "付款金额", "实付", "总金额", "总价", "消费金额", "交易金额", "成交金额", "实收金额"}},
		{"currency", "", []string{"currency", "币种", "货币"}},
		{"type", "", []string{"event", "event_type", "type", "事件", "事件类型", "类型"}},
		{"text", "", []string{"text", "message", "content", "内容", "消息", "消息内容", "聊天内容", "留言"}},
		{"staff_id", "", []string{"staff_id", "staff", "agent_id", "sales", "salesperson", "员工", "员工编号", "导购", "导购编号", "销售", "销售员", "客服", "顾问", "跟进人", "所属员工"}},
		{"channel", "", []string{"channel", "渠道", "来源渠道", "渠道来源", "来源"}},
		{"store_id", "", []string{"store_id", "store", "shop", "shop_id", "门店", "门店编号", "店铺", "店铺编号"}},
		{"object", "title", []string{"product", "product_name", "title", "item_name", "商品", "商品名称", "产品", "产品名称", "标题"}},
		{"object", "id", []string{"product_id", "sku", "item_id", "商品编号", "商品编码", "产品编号"}},
		{"object", "category", []string{"category", "品类", "类目", "商品分类", "分类"}},
		{"object", "brand", []string{"brand", "品牌"}},
		{"object", "price", []string{"price", "unit_price", "单价", "价格"}},
		{"traits", "name", []string{"name", "full_name", "customer_name", "姓名", "客户姓名", "名字", "客户名称", "收货人", "会员姓名", "用户名称"}},
		{"traits", "gender", []string{"gender", "sex", "性别"}},
		{"traits", "birthday", []string{"birthday", "birth_date", "date_of_birth", "生日", "出生日期"}},
		{"traits", "age", []string{"age", "年龄"}},
		{"traits", "city", []string{"city", "城市", "市", "所在城市"}},
		{"traits", "province", []string{"province", "state", "省", "省份", "所在省份"}},
		{"traits", "address", []string{"address", "地址", "收货地址", "联系地址"}},
		{"traits", "company", []string{"company", "公司", "公司名称", "单位"}},
		{"traits", "industry", []string{"industry", "行业", "所属行业"}},
		{"traits", "level", []string{"level", "vip", "等级", "会员等级", "客户等级", "级别"}},
		{"traits", "remark", []string{"remark", "note", "备注"}},
	}
}

func means(column string) (meaning, bool) {
	key := strings.ToLower(strings.NewReplacer(" ", "_", "-", "_", "（", "(", "）", ")").Replace(strings.TrimSpace(column)))
	key, _, _ = strings.Cut(key, "(") // 金额(元)
	key = strings.Trim(key, "_*:：")
	for _, m := range meanings() {
		if slices.Contains(m.names, key) {
			return m, true
		}
	}
	return meaning{}, false
}

const guessRows = 50

// Guess proposes a map from a file's header and first rows, as YAML with
// comments for people to finish.
func Guess(path string) (string, error) {
	t, err := Open(path, &Map{})
	if err != nil {
		return "", err
	}
	if headless(t.Columns) {
		named := &Map{}
		for i := range t.Columns {
			named.Columns = append(named.Columns, fmt.Sprintf("column%d", i+1))
		}
		if err := t.Close(); err != nil {
			return "", err
		}
		if t, err = Open(path, named); err != nil {
			return "", err
		}
	}
	defer func() { _ = t.Close() }() // only read
	samples := map[string][]string{}
	columns := t.Columns
	for range guessRows {
		row, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if row.Bad != nil {
			continue
		}
		if row.object != nil {
			columns = jsonColumns(columns, row.object)
		}
		for _, c := range columns {
			if s := strings.TrimSpace(row.Get(c)); s != "" {
				samples[c] = append(samples[c], s)
			}
		}
	}
	base := filepath.Base(path)
	g := &guess{samples: samples, lines: map[string][]string{}}
	for _, c := range columns {
		g.column(c)
	}
	return g.write(strings.TrimSuffix(base, filepath.Ext(base)), t), nil
}

// headless says that a first line is rather a row than a header: mostly numbers,
// and no name that means something.
func headless(columns []string) bool {
	numbers := 0
	for _, c := range columns {
		if _, known := means(c); known {
			return false
		}
		if _, err := money(c); err == nil {
			numbers++
		}
	}
	return 2*numbers > len(columns)
}

func jsonColumns(have []string, row map[string]any) []string {
	for name := range row {
		if !slices.Contains(have, name) {
			have = append(have, name)
		}
	}
	slices.Sort(have)
	return have
}

type guess struct {
	samples map[string][]string
	lines   map[string][]string // by key of the map
}

func (g *guess) column(c string) {
	m, known := means(c)
	if known && slices.Contains([]string{"time", "amount", "currency", "type", "text", "staff_id", "channel", "store_id"}, m.to) && len(g.lines[m.to]) > 0 {
		known = false // the first one is it; the others are kept as properties
	}
	switch {
	case !known:
		v := yamlText("$." + c)
		if g.all(c, func(s string) bool { _, err := money(s); return err == nil && !leadingZero(s) }) {
			v = fmt.Sprintf("{column: %s, as: number}", yamlText(c))
		}
		g.lines["properties"] = append(g.lines["properties"], fmt.Sprintf("  %s: %s", yamlText(c), v))
	case m.to == "identities":
		g.lines[m.to] = append(g.lines[m.to], "  - "+yamlText(m.name+":{{"+c+"}}"))
	case m.to == "time":
		g.lines[m.to] = []string{"time: " + g.time(c)}
	case m.name != "":
		g.lines[m.to] = append(g.lines[m.to], fmt.Sprintf("  %s: %s", m.name, yamlText("$."+c)))
	default:
		g.lines[m.to] = []string{fmt.Sprintf("%s: %s", m.to, yamlText("$."+c))}
	}
}

// leadingZero says that a number is rather a code.
func leadingZero(s string) bool {
	return len(s) > 1 && s[0] == '0' && s[1] != '.' || len(s) > 15
}

func (g *guess) all(c string, is func(string) bool) bool {
	return len(g.samples[c]) > 0 && !slices.ContainsFunc(g.samples[c], func(s string) bool { return !is(s) })
}

// time finds the form of a column's times.
func (g *guess) time(c string) string {
	for _, f := range []string{"YYYY-MM-DD HH:mm:ss", "YYYY-MM-DD", "YYYYMMDD", "YYYY/M/D H:m:s", "YYYY/M/D H:m", "YYYY/M/D", "M/D/YYYY", "unix", "unix_ms"} {
		v := Value{format: f}
		if v.layout(nil) != nil {
			continue
		}
		if g.all(c, func(s string) bool { t, err := v.moment(s); return err == nil && t >= earliest && t < 4102444800000 }) {
			return fmt.Sprintf("{column: %s, format: %s}", yamlText(c), yamlText(f))
		}
	}
	return yamlText("$." + c)
}

func (g *guess) write(name string, t *Table) string {
	var b strings.Builder
	b.WriteString("# 按表头猜出的映射，请检查后使用 / guessed from the header, please check before use\n")
	fmt.Fprintf(&b, "name: %s\nformat: %s\nzone: Asia/Shanghai\n", yamlText(name), t.Format)
	if len(t.Columns) > 0 && t.Columns[0] == "column1" {
		fmt.Fprintf(&b, "columns: [%s] # 没有表头，请改成有意义的名字 / there is no header; give them names\n", strings.Join(t.Columns, ", "))
	}
	one := func(key, without string) {
		if lines := g.lines[key]; len(lines) > 0 {
			b.WriteString(strings.Join(lines, "\n") + "\n")
		} else if without != "" {
			b.WriteString(without + "\n")
		}
	}
	many := func(key, without string) {
		if len(g.lines[key]) > 0 {
			b.WriteString(key + ":\n")
		}
		one(key, without)
	}
	one("type", "type: "+g.kind()+" # 每行是什么事件 / what event a row is")
	one("time", "# time: 请写出哪一列是时间 / say which column is the time, such as {column: date, format: YYYY-MM-DD}")
	many("identities", "# identities: 请写出这行是谁 / say whose a row is, such as [\"user_id:{{id}}\"]")
	for _, key := range []string{"amount", "currency", "text", "staff_id", "channel", "store_id"} {
		one(key, "")
	}
	for _, key := range []string{"object", "traits", "properties"} {
		many(key, "")
	}
	return b.String()
}

func (g *guess) kind() string {
	switch {
	case len(g.lines["amount"]) > 0:
		return "order.pay"
	case len(g.lines["text"]) > 0:
		return "chat.message"
	case len(g.lines["object"]) > 0:
		return "page.view"
	}
	return "attribute.set"
}

func yamlText(s string) string {
	b, err := yaml.Marshal(s)
	if err != nil || strings.Contains(strings.TrimSpace(string(b)), "\n") {
		return fmt.Sprintf("%q", s)
	}
	out := strings.TrimSpace(string(b))
	if strings.ContainsAny(out, ",{}[]#:&*!|>%@`") && out[0] != '"' && out[0] != '\'' {
		return fmt.Sprintf("%q", s)
	}
	return out
}
