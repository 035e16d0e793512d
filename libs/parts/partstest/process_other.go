//go:build !linux

package partstest

import "syscall"

// attributes: Ctrl-C reaches the test binary alone.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
