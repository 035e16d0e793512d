package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"github.com/ebitengine/purego"
)

// load runs libchdb as clickhouse-local until its last query ends.
//
// When it is not interactive it kills itself on any error of a connection: a wrong password, a port scan, a query whose
// client has gone. So it gets a terminal nobody sits at, and is told to go on with that after the last query; there it
// finds that the terminal is gone, and ends.
func (o childOrder) load() error {
	args := o.Args
	hangUp, err := takeTerminal()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "no terminal for ClickHouse, so a client that misbehaves will make it start again:", err)
	} else {
		args = append(slices.Clip(args), "--interactive")
		go func() { // lives as long as the process
			if err := awaitLastWriter(o.Until); err != nil {
				_, _ = fmt.Fprintln(os.Stderr, err)
			}
			hangUp()
		}()
	}
	return runClickHouse(o.Load, args)
}

func awaitLastWriter(fifo string) error {
	f, err := os.Open(fifo)
	if err != nil {
		return fmt.Errorf("open the lifeline: %w", err)
	}
	if _, err := io.Copy(io.Discard, f); err != nil {
		return fmt.Errorf("wait at the lifeline: %w", err)
	}
	return nil
}

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
