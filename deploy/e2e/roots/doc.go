// Package roots holds the test of what scripts/build-images assembles, where no
// Docker engine runs: each root is entered by chroot, as the user and with the
// folders that a container has, and the part in it must work.
//
// The test needs the rights to mount and to chroot, and carries the build tag
// chroot; scripts/test runs it where they are there. Nothing imports it.
package roots
