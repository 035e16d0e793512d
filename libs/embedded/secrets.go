package embedded

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// secrets are the passwords of the embedded parts, made at the first start of a folder.
type secrets struct {
	Redis      string `json:"redis"`
	ClickHouse string `json:"clickhouse"`
	BI         string `json:"bi"`
}

func loadSecrets(dir string) (secrets, error) {
	path := filepath.Join(dir, "secrets.json")
	var s secrets
	b, err := os.ReadFile(path)
	if err == nil {
		if err := json.Unmarshal(b, &s); err != nil {
			return s, fmt.Errorf("read %s: %w", path, err)
		}
		if s.Redis == "" || s.ClickHouse == "" || s.BI == "" {
			return s, fmt.Errorf("read %s: a password is missing", path)
		}
		return s, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("read passwords: %w", err)
	}
	s = secrets{Redis: rand.Text(), ClickHouse: rand.Text(), BI: rand.Text()}
	if b, err = json.Marshal(s); err != nil {
		return s, fmt.Errorf("encode passwords: %w", err)
	}
	return s, writeFile(path, b, 0o600)
}

// writeFile replaces path as a whole and has it on disk before it returns: half a file would be worse than none.
func writeFile(path string, b []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(tmp.Name())))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes names that were created, renamed or removed in dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
