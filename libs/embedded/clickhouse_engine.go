package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// clickHouseEngine is the engine as it was fetched: a library that this program loads itself, or, where only PyPI has
// it, a Python module, which offers less to its callers but runs the same clickhouse-local.
type clickHouseEngine struct {
	library string
	python  string // the interpreter for modules
	modules string
}

// pythonRun is what the module is told. It finds its settings in config.xml of the folder it runs in; it must not find
// them while it is imported, when it opens a session of its own.
const pythonRun = `import os, sys
import chdb._chdb as engine
os.chdir(sys.argv[3])
engine.query(sys.argv[1], "CSV", path=sys.argv[2])`

func findClickHouse(dir string) (clickHouseEngine, error) {
	home := filepath.Join(dir, "clickhouse-"+pin("CHDB_NPM_VERSION"))
	library := filepath.Join(home, "libchdb.so")
	if _, err := os.Stat(library); err == nil {
		return clickHouseEngine{library: library}, nil
	}
	modules := filepath.Join(home, "python")
	if python, err := os.ReadFile(filepath.Join(modules, "interpreter")); err == nil {
		return clickHouseEngine{python: strings.TrimSpace(string(python)), modules: modules}, nil
	}
	return clickHouseEngine{}, problem(ErrNoEngine, nil,
		"缺少 ClickHouse 引擎（应在 "+home+"）。请运行 ./scripts/fetch-engines，或用 TAGWIRE_CLICKHOUSE_ADDR 指向已有的 ClickHouse",
		"The ClickHouse engine is missing (expected in "+home+"). Run ./scripts/fetch-engines, or point TAGWIRE_CLICKHOUSE_ADDR to a ClickHouse you have")
}

// command is clickhouse-local with both listeners, kept alive by its last query, which reads the lifeline.
func (c *clickHouse) command(dir string, engine clickHouseEngine) (func() (*exec.Cmd, error), error) {
	fifo, data := filepath.Join(dir, "lifeline"), filepath.Join(dir, "data")
	again, err := engine.command(fifo, filepath.Join(dir, "config.xml"), data, c.lock)
	if err != nil {
		return nil, err
	}
	return func() (*exec.Cmd, error) {
		if err := c.layLifeline(fifo); err != nil {
			return nil, folderProblem(dir, err)
		}
		return again()
	}, nil
}

func (e clickHouseEngine) command(fifo, config, data string, lock *os.File) (func() (*exec.Cmd, error), error) {
	const name = "tagwire-clickhouse"
	literal := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(fifo)
	query := "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; SELECT * FROM file('" + literal + "', 'LineAsString')"
	if e.library != "" {
		return reexec(name, childOrder{Load: e.library, Until: fifo, Args: []string{
			"clickhouse-local", "--config-file", config, "--path", data, "--history_file", filepath.Join(filepath.Dir(config), "history"),
			"--multiquery", "--query", query,
		}}, lock)
	}
	args := []string{"-c", pythonRun, query, data, filepath.Dir(config)}
	if diesWithParent {
		return func() (*exec.Cmd, error) {
			cmd := exec.Command(e.python, args...)
			cmd.Env = append(os.Environ(), "PYTHONPATH="+e.modules)
			cmd.ExtraFiles = []*os.File{lock}
			return cmd, nil
		}, nil
	}
	again, err := reexec(name, childOrder{Watch: e.python, Args: args}, lock)
	if err != nil {
		return nil, fmt.Errorf("run ClickHouse by Python: %w", err)
	}
	return func() (*exec.Cmd, error) {
		cmd, err := again()
		if err == nil {
			cmd.Env = append(cmd.Env, "PYTHONPATH="+e.modules)
		}
		return cmd, err
	}, nil
}
