// Package explain says each rule of a set in one plain sentence, in Chinese and
// in English, for people who do not read the rule language.
//
// It is core. It works from the text of rules that compile: the YAML and the
// syntax of conditions. Each construct is a line of a table (measures.go,
// functions.go, names.go, events.go); what no table knows is shown as it is
// written, so that a sentence is never wrong, only less plain.
package explain
