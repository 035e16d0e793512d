//go:build !linux

package embedded

import "errors"

// takeTerminal is known for Linux only.
func takeTerminal() (hangUp func(), err error) { return nil, errors.New("not on this system") }
