// Package lint finds what is allowed in a rule set and probably not meant:
// conditions that can never hold or always do, choices that an earlier one
// hides, lists and measures that nothing reads, alerts that repeat.
//
// It is core. It looks at rules that compile, without any data; what only
// running shows (tags that are never applied, that overlap) is found by whoever
// has the history, and told in the same Finding. Each check is a line of the
// table in lint.go.
package lint
