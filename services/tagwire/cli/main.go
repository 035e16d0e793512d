package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/process"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// command is one word of the command line.
type command struct {
	usage  string
	zh, en string
	run    func(ctx context.Context, s Streams, args []string) error
}

func commands() map[string]command {
	return map[string]command{
		"up":     {"up [--data DIR] [--http ADDR] [--demo]", "启动全部", "run everything", up},
		"run":    {"run collector|resolver|tagger|archiver|notifier|console", "只运行一个角色", "run one role", runRole},
		"rules":  {"rules check|test|explain|lint|fix DIR, rules schema|cuts", "检查、测试、解释、检视、修正规则，取分位点", "check, test, explain, lint or fix rules, take cut points", rules},
		"import": {"import FILE --map MAP | --guess", "导入历史文件", "import a file of the past", runImport},
		"send":   {"send --type TYPE --user ID [--prop k=v …]", "发送一个事件", "send one event", runSend},
		"tail":   {"tail [--source ID]", "看实时事件", "show live events", runTail},
		"verify": {"verify", "重新计数并核对", "count anew and compare", runVerify},
		"defs":   {"defs export|import FOLDER", "导出或导入定义", "export or import definitions", runDefs},
		"bench":  {"bench [--latency] [--json] [--write PAGE]", "测量本机性能", "measure this machine", runBench},
		"doctor": {"doctor", "检查各部件", "check the parts", runDoctor},
	}
}

// errSilent ends with code 1 without another line: all has been said.
var errSilent = errors.New("")

// exitCode ends with a code of its own; all has been said.
type exitCode int

func (c exitCode) Error() string { return "exit " + strconv.Itoa(int(c)) }

// Main runs a command line and gives its exit code.
func Main(args []string, s Streams) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		help(s.Out)
		return 0
	}
	c, ok := commands()[args[0]]
	if !ok {
		fmt.Fprintf(s.Err, "没有命令 %q / there is no command %q\n", args[0], args[0])
		help(s.Err)
		return 2
	}
	ctx, cancel := process.Signals(context.Background())
	defer cancel()
	err := c.run(ctx, s, args[1:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errSilent):
		return 1
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	fmt.Fprintln(s.Err, strings.TrimSpace(err.Error()))
	return 1
}

func help(w io.Writer) {
	var names []string
	all := commands()
	for n := range all {
		names = append(names, n)
	}
	sort.Strings(names)
	fmt.Fprintln(w, "tagwire 命令 / commands:")
	for _, n := range names {
		fmt.Fprintf(w, "  %-60s %s / %s\n", all[n].usage, all[n].zh, all[n].en)
	}
}
