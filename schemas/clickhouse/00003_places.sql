-- +goose Up

-- From when to when a profile stood in which channels, stores, staff and city: a
-- recount by dimension as of a commit needs them. Only min and max, so a repeated
-- row changes nothing.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.profile_places${on_cluster}
(
    profile_id    String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    channels      Array(String) COMMENT '渠道 / Channels' CODEC(ZSTD(1)),
    stores        Array(String) COMMENT '门店 / Stores' CODEC(ZSTD(1)),
    owners        Array(String) COMMENT '服务过的员工 / Staff who serve the customer' CODEC(ZSTD(1)),
    city          String COMMENT '城市 / City' CODEC(ZSTD(1)),
    first_version SimpleAggregateFunction(min, UInt64) COMMENT '最早次序 / First order with these',
    last_version  SimpleAggregateFunction(max, UInt64) COMMENT '最晚次序 / Last order with these'
)
ENGINE = ${replicated}AggregatingMergeTree
PRIMARY KEY profile_id
ORDER BY (profile_id, channels, stores, owners, city)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '客户所在渠道、门店、员工、城市的历史 / History of where a profile stood'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE MATERIALIZED VIEW IF NOT EXISTS ${db}.profile_places_mv${on_cluster} TO ${db}.profile_places
AS SELECT profile_id, CAST(channels, 'Array(String)') AS channels, CAST(stores, 'Array(String)') AS stores, CAST(owners, 'Array(String)') AS owners,
          toString(city) AS city, min(version) AS first_version, max(version) AS last_version
FROM ${db}.profiles GROUP BY profile_id, channels, stores, owners, city
-- +goose StatementEnd

-- What was archived before: the newest snapshot of each profile.
-- +goose StatementBegin
INSERT INTO ${db}.profile_places (profile_id, channels, stores, owners, city, first_version, last_version)
SELECT profile_id, CAST(channels, 'Array(String)'), CAST(stores, 'Array(String)'), CAST(owners, 'Array(String)'), toString(city), version, version
FROM ${db}.profiles FINAL
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
SELECT 'history is not dropped by a migration'
-- +goose StatementEnd
