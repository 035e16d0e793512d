// Package cond is the condition language: expr-lang's syntax, evaluated so that
// a missing value is false or absent and never an error, money is decimal, and
// every condition knows the next moment at which time alone may change it.
//
// It is core. The names that a condition may use are resolved by a [Scope]: the
// rule compiler gives measures, tags, traits and the event.
package cond
