// Package webhook turns the JSON of any sender into events by the mapping of its
// source's definition, or without one reads our own envelope.
//
// A mapping is an object: field of the envelope → where its value comes from.
// Fields may be written nested or dotted (identities.phone, object.title,
// traits.city, properties.score); `form` names the form, `each` a list of which
// every member becomes an event. A value is
//
//	"$.entry.phone"                     a path; $.a.b, $['a b'], $.list[0], $.list[-1], $.answers[field.ref=email].email
//	"{{$.first}} {{$.last}}"            a template
//	"form.submit", 12, true             a constant
//	["$.mobile", "$.phone"]             the first that is there
//	{"path": "$.level", "map": {"1": "A"}, "default": "B"}
//
// In a mapping with `each`, $ is the member and $$ the whole body.
//
// The package is pure. It guarantees that a mapping is checked whole when it is
// compiled, and that a path that leads nowhere gives nothing, never an error.
package webhook
