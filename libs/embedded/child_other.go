//go:build !linux

package embedded

import "syscall"

// diesWithParent says that children watch their parent themselves.
const diesWithParent = false

// childAttributes puts a child into its own process group, so that Ctrl-C in a terminal reaches this process alone.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
