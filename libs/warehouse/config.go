package warehouse

import (
	"fmt"
	"strings"

	"github.com/tagwire/tagwire/libs/config"
)

// FromConfig says where ClickHouse is by the configuration.
func FromConfig(c config.ClickHouse) (Config, error) {
	tls, err := c.TLS.Config()
	if err != nil {
		return Config{}, fmt.Errorf("tls to clickhouse: %w", err)
	}
	return Config{
		Addrs: strings.Split(c.Addr, ","), User: c.User, Password: c.Password.Reveal(), TLS: tls, Database: c.Database, Cluster: c.Cluster,
	}, nil
}
