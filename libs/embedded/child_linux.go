package embedded

import "syscall"

// diesWithParent says that the kernel ends our children when we die.
const diesWithParent = true

// childAttributes puts a child into its own process group, so that Ctrl-C in a terminal reaches this process alone,
// which then stops the parts last; and has the kernel kill it when this process dies. SIGKILL, because the next start
// waits for it and nothing acknowledged needs an orderly end.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
