package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

const envPrefix = "TAGWIRE_"

// Options say where the configuration comes from.
type Options struct {
	// File is the YAML file; empty: none.
	File string
	// Env are the variables, as os.Environ gives them.
	Env []string
	// Adjust is called before the checks; the command line sets its flags here.
	Adjust func(*Config)
	// OtherVariables are names with the prefix TAGWIRE_ that other parts of
	// the program read; a name that ends in _ stands for all that begin so.
	OtherVariables []string
}

// Load reads, merges and checks the configuration. Its notices are not
// errors: variables that look like Tagwire's but set nothing (a cluster sets
// TAGWIRE_PORT for a service of that name, so they cannot be refused), and
// secret files that others may read.
func Load(opts Options) (*Config, []string, error) {
	c := Default()
	d := &document{file: opts.File, config: &c, places: make(map[string]*token.Position)}
	if opts.File != "" {
		text, err := os.ReadFile(opts.File)
		if err != nil {
			return nil, nil, fmt.Errorf("read the configuration: %w", err)
		}
		d.read(text)
	}
	notices := d.variables(opts)
	notices = append(notices, d.secretFiles()...)
	if opts.Adjust != nil {
		opts.Adjust(&c)
	}
	c.fill()
	for _, p := range c.problems() {
		d.place(p)
		d.errs = append(d.errs, p)
	}
	if err := errors.Join(d.errs...); err != nil {
		return nil, notices, err
	}
	return &c, notices, nil
}

// fill derives the settings that follow from others.
func (c *Config) fill() {
	if c.Spool.Dir == "" {
		c.Spool.Dir = filepath.Join(c.Data, "spool")
	}
}

func (d *document) variables(opts Options) []string {
	byName := make(map[string]field)
	for _, f := range fields(reflect.ValueOf(d.config).Elem(), "") {
		byName[f.env()] = f
	}
	var notices []string
	for _, pair := range opts.Env {
		name, text, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || text == "" {
			continue
		}
		f, known := byName[name]
		switch {
		case !known && isOther(name, opts.OtherVariables):
		case !known:
			notices = append(notices, fmt.Sprintf("the variable %s sets nothing: there is no such key", name))
		default:
			if err := f.setText(text); err != nil {
				d.errs = append(d.errs, &Problem{Key: name, Message: err.Error()})
				continue
			}
			delete(d.places, f.path)
			d.config.Give(f.path)
		}
	}
	slices.Sort(notices)
	return notices
}

func isOther(name string, others []string) bool {
	return slices.ContainsFunc(others, func(o string) bool {
		return name == o || strings.HasSuffix(o, "_") && strings.HasPrefix(name, o)
	})
}

// secretFiles reads every …_file that stands beside a secret.
func (d *document) secretFiles() []string {
	all := make(map[string]field)
	for _, f := range fields(reflect.ValueOf(d.config).Elem(), "") {
		all[f.path] = f
	}
	var notices []string
	for _, path := range Keys() {
		from, ok := all[path+"_file"]
		secret, isSecret := reflect.TypeAssert[Secret](all[path].value)
		if !ok || !isSecret || from.value.String() == "" {
			continue
		}
		if secret != "" {
			_, inFile := d.places[path]
			_, fileInFile := d.places[path+"_file"]
			switch {
			case inFile == fileInFile:
				d.fail(path, fmt.Sprintf("both %s and %s_file are given; keep one", path, path))
				continue
			case fileInFile: // the variable gave the secret itself and outranks
				continue
			}
		}
		notice, err := d.secretFile(all[path], from.value.String())
		if err != nil {
			d.fail(path+"_file", err.Error())
		}
		if notice != "" {
			notices = append(notices, notice)
		}
	}
	return notices
}

func (d *document) secretFile(into field, file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	into.value.SetString(value)
	d.config.Give(into.path)
	if info.Mode().Perm()&0o004 != 0 {
		return fmt.Sprintf("every user of this machine may read %s; chmod 600 would keep the secret", file), nil
	}
	return "", nil
}

func (d *document) fail(path, message string) {
	p := &Problem{Key: path, Message: message}
	d.place(p)
	d.errs = append(d.errs, p)
}

// place adds the line of the file that gave the key.
func (d *document) place(p *Problem) {
	if pos, ok := d.places[p.Key]; ok {
		p.File, p.Line, p.Column = d.file, pos.Line, pos.Column
	}
}
