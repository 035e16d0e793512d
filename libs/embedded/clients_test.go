package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

const patience = 30 * time.Second

func kafkaClient(t *testing.T, p *Parts) *kafka.Client {
	t.Helper()
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	addr, err := net.ResolveTCPAddr("tcp", p.KafkaBrokers[0])
	require.NoError(t, err)
	return &kafka.Client{Addr: addr, Timeout: patience, Transport: transport}
}

func createTopic(t *testing.T, c *kafka.Client, name string, configs map[string]string) {
	t.Helper()
	topic := kafka.TopicConfig{Topic: name, NumPartitions: 2, ReplicationFactor: 1}
	for k, v := range configs {
		topic.ConfigEntries = append(topic.ConfigEntries, kafka.ConfigEntry{ConfigName: k, ConfigValue: v})
	}
	resp, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
	require.NoError(t, err)
	require.NoError(t, resp.Errors[name])
}

// put appends key=value pairs to partition 0 in one batch; a value of "-" is a tombstone.
func put(t *testing.T, c *kafka.Client, topic string, pairs ...string) {
	t.Helper()
	var records []kafka.Record
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		r := kafka.Record{Key: kafka.NewBytes([]byte(key)), Time: time.Now()}
		if value != "-" {
			r.Value = kafka.NewBytes([]byte(value))
		}
		records = append(records, r)
	}
	resp, err := c.Produce(t.Context(), &kafka.ProduceRequest{
		Topic: topic, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
	})
	require.NoError(t, err)
	require.NoError(t, resp.Error)
}

// read gives offset:key=value of partition 0 from offset on to its end.
func read(t *testing.T, c *kafka.Client, topic string, from int64) []string {
	t.Helper()
	var out []string
	for next := from; ; {
		resp, err := c.Fetch(t.Context(), &kafka.FetchRequest{Topic: topic, Offset: next, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 50 * time.Millisecond})
		require.NoError(t, err)
		require.NoError(t, resp.Error)
		for {
			r, err := resp.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			value := "-"
			if r.Value != nil {
				b, err := io.ReadAll(r.Value)
				require.NoError(t, err)
				value = string(b)
			}
			key, err := io.ReadAll(r.Key)
			require.NoError(t, err)
			if r.Offset >= next {
				out = append(out, fmt.Sprintf("%d:%s=%s", r.Offset, key, value))
				next = r.Offset + 1
			}
		}
		if next >= resp.HighWatermark {
			return out
		}
	}
}

// ends gives the first and the next offset of partition 0.
func ends(t *testing.T, c *kafka.Client, topic string) (first, next int64) {
	t.Helper()
	resp, err := c.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}},
	})
	require.NoError(t, err)
	require.Len(t, resp.Topics[topic], 1)
	require.NoError(t, resp.Topics[topic][0].Error)
	return resp.Topics[topic][0].FirstOffset, resp.Topics[topic][0].LastOffset
}

func commit(t *testing.T, c *kafka.Client, group, topic string, offset int64, metadata string) {
	t.Helper()
	resp, err := c.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{
		GroupID: group, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 0, Offset: offset, Metadata: metadata}}},
	})
	require.NoError(t, err)
	require.NoError(t, resp.Topics[topic][0].Error)
}

func committed(t *testing.T, c *kafka.Client, group, topic string) (int64, string) {
	t.Helper()
	resp, err := c.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {0}}})
	require.NoError(t, err)
	require.NoError(t, resp.Topics[topic][0].Error)
	return resp.Topics[topic][0].CommittedOffset, resp.Topics[topic][0].Metadata
}

func redisClient(t *testing.T, p *Parts) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: p.RedisAddr, Password: p.RedisPassword})
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// sql runs a query over HTTP and gives the answer, or the error ClickHouse names.
func sql(ctx context.Context, p *Parts, user, password, query string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.ClickHouseHTTP+"/", strings.NewReader(query))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-ClickHouse-User", user)
	req.Header.Set("X-ClickHouse-Key", password)
	req.Close = true // an idle connection would hold up the end of the engine for seconds
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s", b)
	}
	return strings.TrimSpace(string(b)), nil
}

func admin(t *testing.T, p *Parts, query string) string {
	t.Helper()
	out, err := sql(t.Context(), p, p.ClickHouseUser, p.ClickHousePassword, query)
	require.NoError(t, err, query)
	return out
}
