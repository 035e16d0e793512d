package explain

import "strings"

// fieldNames are the names that conditions may use, in words. A name that is
// not here is a measure's, shown as it is.
func fieldNames() map[string]both {
	return map[string]both{
		"event.amount": {"金额", "the amount"}, "event.currency": {"币种", "the currency"}, "event.type": {"事件类型", "the event type"},
		"event.time": {"发生时间", "the time"}, "event.from": {"发起方", "the sender"}, "event.channel": {"渠道", "the channel"},
		"event.store_id": {"门店", "the store"}, "event.staff_id": {"员工", "the staff member"}, "event.source": {"来源", "the source"},
		"event.touchpoint": {"触点", "the touchpoint"}, "event.event_id": {"事件编号", "the event id"},
		"event.object.title": {"对象标题", "the object's title"}, "event.object.type": {"对象类型", "the object's type"},
		"event.object.id": {"对象编号", "the object's id"}, "event.object.category": {"品类", "the category"},
		"event.object.brand": {"品牌", "the brand"}, "event.object.price": {"单价", "the price"},
		"stage": {"阶段", "the stage"}, "owner": {"负责人", "the owner"}, "owners": {"服务员工", "the staff who serve"},
		"channels": {"来过的渠道", "the channels"}, "stores": {"去过的门店", "the stores"},
	}
}

// valueNames are constants in words, by the name that they are compared with.
func valueNames() map[string]map[string]both {
	return map[string]map[string]both{
		"event.from": {"customer": {"客户", "the customer"}, "staff": {"员工", "staff"}, "system": {"系统", "the system"}},
	}
}

// name is a name of a condition in words.
func (w words) name(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "?.", "."), " ", "")
	if b, ok := fieldNames()[text]; ok {
		return w.pick(b)
	}
	for prefix, b := range map[string]both{
		"event.properties.": {"事件的 %s", "the event's %s"}, "event.context.": {"事件环境的 %s", "the context's %s"},
		"event.traits.": {"事件带来的属性 %s", "the event's trait %s"}, "trait.": {"属性 %s", "the trait %s"}, "traits.": {"属性 %s", "the trait %s"},
	} {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			return strings.Replace(w.pick(b), "%s", rest, 1)
		}
	}
	return text
}

// recipients are who is told, in words.
func recipients() map[string]both {
	return map[string]both{
		"owner": {"负责人", "the owner"}, "owners": {"全部服务员工", "all staff who serve the customer"}, "event.staff": {"当事员工", "the staff member of the event"},
		"leader": {"主管", "the leader"}, "store": {"门店", "the store"},
	}
}

func (w words) recipient(to string) string {
	if b, ok := recipients()[to]; ok {
		return w.pick(b)
	}
	if team, ok := strings.CutPrefix(to, "team:"); ok {
		return w.fill(both{"团队 %s", "the team %s"}, team)
	}
	return strings.TrimPrefix(to, "person:")
}

func (w words) severity(s string) string {
	b, ok := map[string]both{"low": {"低", "low"}, "medium": {"中", "medium"}, "high": {"高", "high"}}[s]
	if !ok {
		return s
	}
	return w.pick(b)
}
