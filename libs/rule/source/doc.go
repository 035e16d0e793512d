// Package source reads a rule set's files as they are written: every key with
// its place. Those who explain, lint or fix rules start from it; what the rules
// mean is libs/rule's to say.
//
// It is core. It takes any YAML mapping; whether keys are known is not its
// matter.
package source
