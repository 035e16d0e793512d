// Package rule compiles rule sets: YAML folders with keywords, measures, tags and
// stages become a [Set] that libs/rule/apply judges profiles by.
//
// It is core. A set compiles whole or not at all; every refusal names file, line
// and column, what is wrong and what would be right. A compiled set is immutable
// and safe for concurrent use. What depends on the order of arrival is marked in
// Notes ("as it arrived").
package rule
