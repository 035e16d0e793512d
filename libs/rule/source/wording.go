package source

import "strings"

// InChinese is what the reader of YAML says against a file, in Chinese. What it says
// seldom is not told apart: where to look always is.
func InChinese(en string) string {
	for _, known := range [][2]string{
		{"already defined", "这个键写了两次"},
		{"of single-quoted text", "缺少后一个单引号"},
		{"of double-quoted text", "缺少后一个双引号"},
		{"sequence end token", "缺少 ]"},
		{"flow mapping end token", "缺少 }"},
		{"mapping value is not allowed", "这里不能再写 `键: 值`：值里有冒号时请加引号"},
	} {
		if strings.Contains(en, known[0]) {
			return "YAML 写法有误：" + known[1]
		}
	}
	return "YAML 写法有误：请检查缩进、冒号、引号和括号"
}
