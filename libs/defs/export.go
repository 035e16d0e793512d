package defs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// exportMark is a file that says a folder was written by Export, so that what is
// no longer defined may be removed from it.
const exportMark = ".tagwire-defs"

// Exported is what Export has written.
type Exported struct {
	Dir     string   `json:"dir"`
	Files   []string `json:"files"`
	Secrets []string `json:"secrets,omitempty"` // variables that an import elsewhere needs
	Removed []string `json:"removed,omitempty"` // definitions that are gone, in a folder of an earlier export
	Extra   []string `json:"extra,omitempty"`   // files that an import would read too, left alone
}

// Export writes all definitions to a folder of YAML files fit for git: kind/id.yaml,
// and the rule set's own files below rules/. Secrets are not in it: their fields
// hold the name of a variable, ${TAGWIRE_SECRET_SOURCE_SHOP1_TOKEN}.
func (s *Store) Export(dir string) (Exported, error) {
	out := Exported{Dir: dir}
	files := map[string][]byte{}
	for _, kind := range Kinds() {
		for _, d := range s.List(kind) {
			names, err := exportOne(d, files)
			if err != nil {
				return out, fmt.Errorf("export %s %s: %w", d.Kind, d.ID, err)
			}
			out.Secrets = append(out.Secrets, names...)
		}
	}
	slices.Sort(out.Secrets)
	present, err := definitionFiles(dir)
	if err != nil {
		return out, fmt.Errorf("read folder %s: %w", dir, err)
	}
	_, err = os.Stat(filepath.Join(dir, exportMark))
	ours := err == nil
	for _, name := range present {
		switch {
		case files[name] != nil:
		case ours:
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				return out, fmt.Errorf("remove what is no longer defined: %w", err)
			}
			out.Removed = append(out.Removed, name)
		default:
			out.Extra = append(out.Extra, name)
		}
	}
	files[exportMark] = []byte("Written by `tagwire defs export`; the next export removes what is no longer defined.\n")
	for name, data := range files {
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), data); err != nil {
			return out, fmt.Errorf("export to %s: %w", dir, err)
		}
		if name != exportMark {
			out.Files = append(out.Files, name)
		}
	}
	slices.Sort(out.Files)
	return out, nil
}

// exportOne adds a definition's files and gives the names of its secrets.
func exportOne(d Def, files map[string][]byte) ([]string, error) {
	b, err := decode(d.Kind, d.Body)
	if err != nil {
		return nil, err
	}
	if rules, ok := b.(*Rules); ok {
		for name, text := range rules.Files {
			if !validFile(name) { // written by an earlier version, or by hand
				return nil, fmt.Errorf("file name %q: %w", name, ErrInvalid)
			}
			files[KindRules+"/"+name] = []byte(text)
		}
		return nil, nil
	}
	var names []string
	for _, f := range b.secrets() {
		if *f.value != "" {
			name := secretName(d.Kind, d.ID, f.path)
			*f.value = "${" + name + "}"
			names = append(names, name)
		}
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	text, err := yaml.JSONToYAML(raw)
	if err != nil {
		return nil, err
	}
	files[d.Kind+"/"+d.ID+".yaml"] = text
	return names, nil
}

// secretName is the variable for a secret. Parts that a variable cannot spell get
// a piece of their hash, so that two never share one.
func secretName(kind, id, path string) string {
	parts := append([]string{kind, id}, strings.Split(path, ".")...)
	for i, p := range parts {
		spelled := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
				return r
			}
			return '_'
		}, p)
		if spelled != p || strings.ToLower(p) != p {
			sum := sha256.Sum256([]byte(p))
			spelled += "_" + hex.EncodeToString(sum[:3])
		}
		parts[i] = strings.ToUpper(spelled)
	}
	return "TAGWIRE_SECRET_" + strings.Join(parts, "_")
}

// definitionFiles are the names, with slashes, of the files that an import reads.
func definitionFiles(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == dir {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if e.IsDir() {
			if name != "." && strings.HasPrefix(e.Name(), ".") { // .git
				return fs.SkipDir
			}
			return nil
		}
		ext := filepath.Ext(name)
		if (ext == ".yaml" || ext == ".yml") && strings.Contains(name, "/") && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// writeFile replaces a file as a whole, and only if its content differs.
func writeFile(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
