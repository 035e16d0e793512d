package partstest

import "syscall"

// attributes: Ctrl-C reaches the test binary alone, and the kernel ends its
// servers when it dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
