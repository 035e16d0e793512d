package embedded

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Kinds of problems, for errors.Is.
var (
	// ErrInUse: another process owns the data folder, or its children still do.
	ErrInUse = errors.New("data folder in use")
	// ErrPortBusy: an address that was asked for is taken.
	ErrPortBusy = errors.New("port busy")
	// ErrNoEngine: the program or library of a part is not on this machine.
	ErrNoEngine = errors.New("engine missing")
	// ErrFolder: the data folder cannot be used: not writable, or the disk is full.
	ErrFolder = errors.New("data folder unusable")
	// ErrPartDied: a part ended and could not be brought back.
	ErrPartDied = errors.New("part died")
)

// Problem is an error a person can act on: what happened, what it means and what to do, in Chinese and English.
type Problem struct {
	Zh, En string
	Err    error
}

// Error gives both languages, Chinese first, each in one line.
func (p *Problem) Error() string { return p.Zh + " / " + p.En }

// Unwrap gives the kind and the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Notice is something a person should know that is no error, in Chinese and English.
type Notice struct{ Zh, En string }

func problem(kind, cause error, zh, en string) *Problem {
	if cause != nil {
		kind = fmt.Errorf("%w: %w", kind, cause)
		zh, en = zh+"（"+cause.Error()+"）", en+" ("+cause.Error()+")"
	}
	return &Problem{Zh: zh, En: en, Err: kind}
}

// folderProblem tells a full disk from a folder that may not be written to.
func folderProblem(dir string, cause error) *Problem {
	switch {
	case errors.Is(cause, syscall.ENOSPC) || errors.Is(cause, syscall.EDQUOT):
		return problem(ErrFolder, cause,
			"磁盘已满，数据目录 "+dir+" 写不进去。已收到的数据没有丢；请清理磁盘，或用 --data 换一个有空间的目录",
			"The disk is full: the data folder "+dir+" cannot be written to. Nothing accepted is lost; free some space or choose another folder with --data")
	case errors.Is(cause, os.ErrPermission) || errors.Is(cause, syscall.EROFS):
		return problem(ErrFolder, cause,
			"没有权限写数据目录 "+dir+"。请改它的所有者或权限，或用 --data 换一个目录",
			"The data folder "+dir+" is not writable. Change its owner or mode, or choose another folder with --data")
	default:
		return problem(ErrFolder, cause,
			"数据目录 "+dir+" 不能用。请检查它是否是一个可写的目录，或用 --data 换一个",
			"The data folder "+dir+" cannot be used. Check that it is a writable folder, or choose another with --data")
	}
}
