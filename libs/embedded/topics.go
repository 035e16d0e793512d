package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// topic is what kfake keeps of a topic in topics.json.
type topic struct {
	Name       string            `json:"name"`
	Partitions int32             `json:"partitions"`
	Configs    map[string]string `json:"configs"`
}

func readTopics(dir string) ([]topic, error) {
	b, err := os.ReadFile(filepath.Join(dir, "topics.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the topics: %w", err)
	}
	var file struct{ Topics []topic }
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("read the topics: %w", err)
	}
	return file.Topics, nil
}

func (t topic) compacted() bool { return strings.Contains(t.Configs["cleanup.policy"], "compact") }

// deletes says whether old records of the topic may go at all.
func (t topic) deletes() bool {
	policy := t.Configs["cleanup.policy"]
	return policy == "" || strings.Contains(policy, "delete")
}

func (t topic) number(name string, otherwise int64) int64 {
	n, err := strconv.ParseInt(t.Configs[name], 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}

func partitionName(topic string, partition int32) string {
	return fmt.Sprintf("%s-%d", url.PathEscape(topic), partition)
}

func partitionDir(dir, topic string, partition int32) string {
	return filepath.Join(dir, "partitions", partitionName(topic, partition))
}

// segment is one file of a partition: the records from base on.
type segment struct {
	base    int64
	path    string
	size    int64
	written time.Time
}

// segments of a partition, oldest first; the last one is being written.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var out []segment
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), ".dat")
		if !ok {
			continue
		}
		base, err := strconv.ParseInt(stem, 10, 64)
		if err != nil {
			continue // not kfake's
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list segments: %w", err)
		}
		out = append(out, segment{base: base, path: filepath.Join(dir, e.Name()), size: info.Size(), written: info.ModTime()})
	}
	slices.SortFunc(out, func(a, b segment) int { return int(min(max(a.base-b.base, -1), 1)) })
	return out, nil
}
