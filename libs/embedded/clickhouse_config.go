package embedded

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"path/filepath"
)

// clickHouseConfig keeps an idle engine small. With a small pool the three limits on free places must be lowered too,
// or a mutation (an erasure) would wait for ever. No system log tables: nothing reads them here, and they grow.
const clickHouseConfig = `<clickhouse>
 <users_config>%s</users_config>
 <listen_host>127.0.0.1</listen_host>
 <tcp_port>%s</tcp_port>
 <http_port>%s</http_port>
 <log-level>warning</log-level>
 <timezone>UTC</timezone>
 <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
 <mark_cache_size>67108864</mark_cache_size>
 <primary_index_cache_size>67108864</primary_index_cache_size>
 <index_mark_cache_size>8388608</index_mark_cache_size>
 <uncompressed_cache_size>0</uncompressed_cache_size>
 <mmap_cache_size>100</mmap_cache_size>
 <background_pool_size>4</background_pool_size>
 <background_move_pool_size>1</background_move_pool_size>
 <background_fetches_pool_size>1</background_fetches_pool_size>
 <background_common_pool_size>2</background_common_pool_size>
 <background_schedule_pool_size>8</background_schedule_pool_size>
 <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
 <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
 <access_control_improvements><settings_constraints_replace_previous>true</settings_constraints_replace_previous></access_control_improvements>
 <merge_tree>
  <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
  <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
  <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
 </merge_tree>
</clickhouse>
`

// clickHouseUsers: the engine opens its own session as "default" without a password and can do so only if that user
// exists and has these three rights. Its one seat (max_sessions_for_user) is taken by that session for as long as the
// engine runs, so nobody else can log in as it. For bi, settings that BI tools like to send may be changed; what could
// hurt may not.
const clickHouseUsers = `<clickhouse>
 <profiles>
  <default><async_insert>0</async_insert></default>
  <seat><max_sessions_for_user>1</max_sessions_for_user></seat>
  <bi>
   <readonly>1</readonly>
   <max_execution_time>60</max_execution_time>
   <max_memory_usage>1000000000</max_memory_usage>
   <max_result_rows>1000000</max_result_rows>
   <max_concurrent_queries_for_user>8</max_concurrent_queries_for_user>
   <constraints>
    <max_execution_time><min>1</min><max>120</max><changeable_in_readonly/></max_execution_time>
    <max_result_rows><min>1</min><max>1000000</max><changeable_in_readonly/></max_result_rows>
    <max_block_size><max>65536</max><changeable_in_readonly/></max_block_size>
    <result_overflow_mode><changeable_in_readonly/></result_overflow_mode>
    <session_timezone><changeable_in_readonly/></session_timezone>
    <send_progress_in_http_headers><changeable_in_readonly/></send_progress_in_http_headers>
   </constraints>
  </bi>
 </profiles>
 <quotas><default/></quotas>
 <users>
  <default>
   <password></password>
   <networks><ip>127.0.0.1</ip></networks>
   <profile>seat</profile>
   <quota>default</quota>
   <grants>
    <query>GRANT SYSTEM LISTEN ON *.*</query>
    <query>GRANT CREATE TEMPORARY TABLE ON *.*</query>
    <query>GRANT READ ON FILE</query>
   </grants>
  </default>
  <tagwire>
   <password>%s</password>
   <networks><ip>127.0.0.1</ip></networks>
   <profile>default</profile>
   <quota>default</quota>
  </tagwire>
  <bi>
   <password>%s</password>
   <networks><ip>127.0.0.1</ip></networks>
   <profile>bi</profile>
   <quota>default</quota>
   <grants><query>GRANT SELECT ON bi.*</query></grants>
  </bi>
 </users>
</clickhouse>
`

func writeClickHouseConfig(dir, native, web string, s secrets) error {
	users := filepath.Join(dir, "users.xml")
	var path bytes.Buffer
	if err := xml.EscapeText(&path, []byte(users)); err != nil {
		return fmt.Errorf("write the settings of ClickHouse: %w", err)
	}
	_, tcp, err := net.SplitHostPort(native)
	if err != nil {
		return fmt.Errorf("port of ClickHouse: %w", err)
	}
	_, http, err := net.SplitHostPort(web)
	if err != nil {
		return fmt.Errorf("HTTP port of ClickHouse: %w", err)
	}
	return errors.Join(
		writeFile(users, fmt.Appendf(nil, clickHouseUsers, s.ClickHouse, s.BI), 0o600),
		writeFile(filepath.Join(dir, "config.xml"), fmt.Appendf(nil, clickHouseConfig, path.String(), tcp, http), 0o600),
	)
}
