package embedded

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// runClickHouse loads libchdb and runs it as clickhouse-local until its last query ends.
func runClickHouse(library string, args []string) error {
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("load the ClickHouse engine: %w", err)
	}
	run, err := purego.Dlsym(lib, "chdb_query_cmdline")
	if err != nil {
		return fmt.Errorf("the ClickHouse engine has no command line: %w", err)
	}
	var message func(result uintptr) string
	purego.RegisterLibFunc(&message, lib, "chdb_result_error")

	argv := make([]*byte, len(args)+1) // ends in a null pointer, as C wants it
	for i, arg := range args {
		argv[i] = &append([]byte(arg), 0)[0]
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, p := range argv[:len(args)] {
		pin.Pin(p)
	}
	pin.Pin(&argv[0])
	result, _, _ := purego.SyscallN(run, uintptr(len(args)), uintptr(unsafe.Pointer(&argv[0])))
	if result == 0 {
		return errors.New("the ClickHouse engine gave no result")
	}
	if text := message(result); text != "" {
		return errors.New(text)
	}
	return nil
}
