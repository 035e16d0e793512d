package demo

// product is one thing on sale.
type product struct {
	SKU, Title, Category, Brand string
	Price                       int // in cents
}

func products() []product {
	return []product{
		{"s101", "逐日 3 代缓震跑鞋", "跑鞋", "疾风", 59900},
		{"s102", "破晓碳板竞速跑鞋", "跑鞋", "疾风", 129900},
		{"s103", "入门慢跑鞋", "跑鞋", "云栖", 29900},
		{"m201", "三层压胶冲锋衣", "登山装备", "山野", 159900},
		{"m202", "碳纤维登山杖", "登山装备", "山野", 39900},
		{"m203", "40 升徒步背包", "登山装备", "山野", 69900},
		{"y301", "天然橡胶瑜伽垫", "瑜伽", "禅意", 26900},
		{"y302", "高腰瑜伽裤", "瑜伽", "禅意", 19900},
		{"c401", "两人三季帐篷", "露营", "云栖", 89900},
		{"c402", "便携炉具套装", "露营", "云栖", 32900},
		{"b501", "铝架公路自行车", "骑行", "逐日", 329900},
		{"b502", "骑行头盔", "骑行", "逐日", 45900},
	}
}

// customerLines are what customers write; some hold the words of the keyword
// lists, some hold them in ways that must not count.
func customerLines() []string {
	return []string{
		"在吗？想看看跑鞋", "这双多少钱？", "冲锋衣报价发我一下", "价格合理，我再想想", "不要报价了，谢谢",
		"有没有 42 码的", "能不能便宜点", "满减可以叠加优惠券吗", "是正品吗，有官方授权吗", "旗舰店和你们这边一样吗",
		"周末能到店自提吗", "多久能到广州", "我平时跑步比较多", "最近想去徒步，带什么包合适", "我们公司团购 30 件怎么卖",
		"上次买的鞋开胶了，要求退货", "质量问题谁负责", "没有质量问题，挺满意的", "发票怎么开", "能保修多久",
		"好的，谢谢", "收到", "晚点联系你", "图片再发一张", "尺码表有吗", "下雨能穿吗", "鞋底硬不硬", "我膝盖不太好，推荐哪双",
		"露营炉子可以带上高铁吗", "瑜伽垫会不会滑", "头盔有黑色吗", "今天能发货吗", "已经付款了", "群里的活动还有名额吗",
	}
}

func staffLines() []string {
	return []string{
		"您好，在的，您平时在什么路面跑？", "稍等，我给您查一下库存", "资料发您了，可以点开看看", "这款和上一代比轻了 20 克",
		"可以到店试穿的，我给您留一双", "今天下单明天能到", "您脚型偏宽的话建议大半码", "好的，有需要随时叫我",
	}
}

func surnames() []string {
	return []string{"赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈", "褚", "卫", "蒋", "沈", "韩", "杨", "朱", "秦", "许", "何", "吕", "施", "张", "孔", "曹", "严", "华", "金", "魏", "陶"}
}

func givenNames() []string {
	return []string{"子涵", "欣怡", "浩然", "梓萱", "宇轩", "诗涵", "雨桐", "俊杰", "思远", "佳琪", "明轩", "静怡", "志强", "建国", "晓燕", "丽华", "文博", "雪梅", "凯", "敏", "磊", "倩", "勇", "芳"}
}

// temper is a kind of customer: how many of each act a day, and how much of it
// the live shop lets come, so that a demo that runs for days does not end with
// everybody wanting to buy.
type temper struct {
	share                                     float64
	opens, starts, says, views, pays, fills   float64 // a day
	checkins, calls                           float64
	maxOpens, maxStarts, maxViews, maxPayDays int     // in 7 days; days between orders
	maxScore                                  float64 // of the intent score
}

func tempers() []temper {
	return []temper{
		{share: 0.50, opens: 0.03, starts: 0.01, says: 0.03, views: 0.10, pays: 0.004, fills: 0.003, checkins: 0.005, calls: 0.001, maxOpens: 1, maxStarts: 1, maxViews: 3, maxPayDays: 60, maxScore: 15},
		{share: 0.30, opens: 0.12, starts: 0.06, says: 0.20, views: 0.40, pays: 0.015, fills: 0.008, checkins: 0.02, calls: 0.003, maxOpens: 2, maxStarts: 2, maxViews: 6, maxPayDays: 20, maxScore: 35},
		{share: 0.15, opens: 0.30, starts: 0.20, says: 0.60, views: 0.90, pays: 0.04, fills: 0.02, checkins: 0.06, calls: 0.01, maxOpens: 4, maxStarts: 3, maxViews: 10, maxPayDays: 7, maxScore: 70},
		{share: 0.05, opens: 0.80, starts: 0.50, says: 1.50, views: 1.50, pays: 0.10, fills: 0.05, checkins: 0.10, calls: 0.02, maxOpens: 9, maxStarts: 6, maxViews: 20, maxPayDays: 2, maxScore: 120},
	}
}
