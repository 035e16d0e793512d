-- History. Every table collapses repeated rows by a key that ends in an id, and
-- has a deduplication window so that a repeated insert with the same token adds
-- nothing. There is no TTL: what a rebuild needs is never dropped by itself.
-- Open objects (properties, traits, context) are JSON texts, measured on 26.7
-- with 500,000 rows of 8 out of 44 keys, ZSTD(3): a JSON column takes 16 times as
-- long to insert and 6 times as long to read whole, which a rebuild does, for a
-- third less space and 3 times faster single keys.
-- +goose NO TRANSACTION
-- +goose Up

-- +goose StatementBegin
CREATE DATABASE IF NOT EXISTS ${db}${on_cluster} COMMENT '历史明细,由归档服务写入 / History, written by the archiver'
-- +goose StatementEnd

-- events: sorted by what a retry of the same event cannot change. The stamp as
-- the client sent it gives the day, since the corrected time may differ.
-- The first arrival wins: version is the offset turned over.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.events${on_cluster}
(
    event_id      String COMMENT '事件编号,在来源内唯一 / Event id, unique within its source' CODEC(ZSTD(1)),
    profile_id    String COMMENT '入库时的客户 / Profile as of arrival' CODEC(ZSTD(1)),
    type          LowCardinality(String) COMMENT '事件类型 object.action / Event type object.action',
    time          DateTime64(3, 'UTC') COMMENT '发生时间 / When it happened' CODEC(Delta(8), ZSTD(1)),
    sent_day      Date32 COMMENT '客户端原始时间戳的日期(东八区) / Day of the stamp as sent, UTC+8',
    original_time Nullable(DateTime64(3, 'UTC')) COMMENT '纠偏前的客户端时间 / The stamp before skew was corrected',
    received_at   DateTime64(3, 'UTC') COMMENT '采集器收到的时间 / When the collector received it' CODEC(Delta(8), ZSTD(1)),
    sent_at       Nullable(DateTime64(3, 'UTC')) COMMENT '客户端发送时间 / When the client sent it',
    source        LowCardinality(String) COMMENT '来源 / Configured source',
    channel       LowCardinality(String) COMMENT '渠道 / Channel',
    store_id      LowCardinality(String) COMMENT '门店 / Store',
    staff_id      LowCardinality(String) COMMENT '员工 / Staff member',
    touchpoint    LowCardinality(String) COMMENT '触点 / Touchpoint',
    `from`        LowCardinality(String) COMMENT '发起方 customer、staff、system / Who acted',
    object_type   LowCardinality(String) COMMENT '对象类型 / Type of the object',
    object_id     String COMMENT '对象编号 / Id of the object' CODEC(ZSTD(1)),
    object_title  String COMMENT '对象标题 / Title of the object' CODEC(ZSTD(1)),
    category      LowCardinality(String) COMMENT '品类 / Category',
    brand         LowCardinality(String) COMMENT '品牌 / Brand',
    price         Nullable(Decimal(38, 6)) COMMENT '单价 / Price of the object',
    amount        Nullable(Decimal(38, 6)) COMMENT '金额 / Amount',
    currency      LowCardinality(String) COMMENT '币种 / Currency',
    text          String COMMENT '文本,已加密 / Text, sealed' CODEC(ZSTD(3)),
    identities    Array(String) COMMENT '身份 / Identities namespace:value' CODEC(ZSTD(1)),
    own           Array(String) COMMENT '归属于该客户的身份 / Identities routed to the profile' CODEC(ZSTD(1)),
    traits        String COMMENT '属性 JSON / Traits, JSON' CODEC(ZSTD(3)),
    properties    String COMMENT '自定义属性 JSON / Properties, JSON' CODEC(ZSTD(3)),
    context       String COMMENT '上下文 JSON / Context, JSON' CODEC(ZSTD(3)),
    tags          Array(LowCardinality(String)) COMMENT '目录定义给出的标签 / Tags given by definitions',
    matched       Array(LowCardinality(String)) COMMENT '命中的关键词表 / Keyword lists found',
    matches       String COMMENT '关键词命中明细 JSON / Keyword matches, JSON' CODEC(ZSTD(1)),
    backfill      Bool COMMENT '历史导入 / Sent as backfill',
    import        LowCardinality(String) COMMENT '导入批次 / Import that sent it',
    repair        Bool COMMENT '补发 / Published as a repair',
    place         DateTime64(3, 'UTC') COMMENT '在日志中的时间位置 / Place in time' CODEC(Delta(8), ZSTD(1)),
    log_source    LowCardinality(String) COMMENT '日志来源 / Source of the record in the log',
    log_number    Int64 COMMENT '来源内序号 / Number within that source' CODEC(Delta(8), ZSTD(1)),
    raw           String COMMENT '原始坐标 topic/partition/offset / Raw coordinates' CODEC(ZSTD(1)),
    topic         LowCardinality(String) COMMENT '事件主题 / Topic it was read from',
    partition     UInt16 COMMENT '分区 / Partition',
    offset        Int64 COMMENT '位点 / Offset' CODEC(Delta(8), ZSTD(1)),
    version       UInt64 COMMENT '先到者胜 / The first arrival wins' CODEC(ZSTD(1)),
    inserted_at   DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT '入库时间 / When it became queryable' CODEC(Delta(8), ZSTD(1)),
    INDEX ix_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_received received_at TYPE minmax GRANULARITY 1,
    INDEX ix_time time TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(sent_day)
PRIMARY KEY (type, sent_day, source)
ORDER BY (type, sent_day, source, event_id)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '事件,按来源和编号去重 / Events, one row per source and event id after collapsing'
-- +goose StatementEnd

-- The same rows, one customer after the other: the staff page and the rebuild.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.events_by_profile${on_cluster} AS ${db}.events
ENGINE = ${replicated}ReplacingMergeTree(version)
PARTITION BY toYear(sent_day)
PRIMARY KEY (profile_id, sent_day)
ORDER BY (profile_id, sent_day, event_id, source)
SETTINGS ${window}, index_granularity = 1024, min_age_to_force_merge_seconds = 3600
COMMENT '按客户排列的事件,读时每个编号取一行 / Events profile by profile; read with LIMIT 1 BY source, event_id'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE MATERIALIZED VIEW IF NOT EXISTS ${db}.events_by_profile_mv${on_cluster} TO ${db}.events_by_profile
AS SELECT * FROM ${db}.events
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.tag_changes${on_cluster}
(
    change_id    String COMMENT '变更编号,重放不变 / Change id, the same in every replay' CODEC(ZSTD(1)),
    op           LowCardinality(String) COMMENT '操作 applied、renewed、removed、expired / What happened',
    profile_id   String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    tag          LowCardinality(String) COMMENT '标签 / Tag',
    tag_group    LowCardinality(String) COMMENT '标签组 / Tag group',
    tag_value    String COMMENT '标签族的取值 / Value of a family' CODEC(ZSTD(1)),
    rule         LowCardinality(String) COMMENT '规则 / Rule',
    rule_version Int64 COMMENT '规则版本 / Rule version',
    at           DateTime64(3, 'UTC') COMMENT '生效时间 / When it took effect' CODEC(Delta(8), ZSTD(1)),
    day          Date32 COMMENT '生效日期(东八区) / Day in UTC+8',
    since        Nullable(DateTime64(3, 'UTC')) COMMENT '持有起点 / Held since',
    expires_at   Nullable(DateTime64(3, 'UTC')) COMMENT '到期时间 / Expires at',
    reason       LowCardinality(String) COMMENT '原因 / Reason',
    cause        String COMMENT '起因 / Cause' CODEC(ZSTD(1)),
    evidence     String COMMENT '证据 JSON / Evidence, JSON' CODEC(ZSTD(3)),
    measures     Map(String, String) COMMENT '指标值 / Measure values' CODEC(ZSTD(3)),
    known        Bool COMMENT '是否已知客户 / Whether the profile was known',
    late         Bool COMMENT '按时间重算所得 / Folded in time order',
    generation   UInt32 COMMENT '世代 / Generation',
    shard        UInt16 COMMENT '分片 / Shard',
    commit       Int64 COMMENT '提交号 / Commit number' CODEC(Delta(8), ZSTD(1)),
    position     UInt32 COMMENT '提交内位置 / Position in the commit',
    version      UInt64 COMMENT '次序 / Order as one number' CODEC(ZSTD(1)),
    topic        LowCardinality(String) COMMENT '主题 / Topic',
    partition    UInt16 COMMENT '分区 / Partition',
    offset       Int64 COMMENT '位点 / Offset' CODEC(Delta(8), ZSTD(1)),
    INDEX ix_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
PRIMARY KEY (tag, day, profile_id)
ORDER BY (tag, day, profile_id, change_id)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '标签变更 / Tag changes with their reasons'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.stage_changes${on_cluster}
(
    change_id    String COMMENT '变更编号 / Change id' CODEC(ZSTD(1)),
    profile_id   String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    stage        LowCardinality(String) COMMENT '进入的阶段 / Stage entered',
    from_stage   LowCardinality(String) COMMENT '离开的阶段 / Stage left',
    rule         LowCardinality(String) COMMENT '规则 / Rule',
    rule_version Int64 COMMENT '规则版本 / Rule version',
    at           DateTime64(3, 'UTC') COMMENT '生效时间 / When it took effect' CODEC(Delta(8), ZSTD(1)),
    day          Date32 COMMENT '生效日期(东八区) / Day in UTC+8',
    reason       LowCardinality(String) COMMENT '原因 / Reason',
    cause        String COMMENT '起因 / Cause' CODEC(ZSTD(1)),
    evidence     String COMMENT '证据 JSON / Evidence, JSON' CODEC(ZSTD(3)),
    measures     Map(String, String) COMMENT '指标值 / Measure values' CODEC(ZSTD(3)),
    known        Bool COMMENT '是否已知客户 / Whether the profile was known',
    late         Bool COMMENT '按时间重算所得 / Folded in time order',
    generation   UInt32 COMMENT '世代 / Generation',
    shard        UInt16 COMMENT '分片 / Shard',
    commit       Int64 COMMENT '提交号 / Commit number',
    position     UInt32 COMMENT '提交内位置 / Position in the commit',
    version      UInt64 COMMENT '次序 / Order as one number',
    topic        LowCardinality(String) COMMENT '主题 / Topic',
    partition    UInt16 COMMENT '分区 / Partition',
    offset       Int64 COMMENT '位点 / Offset',
    INDEX ix_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (day, profile_id, change_id)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '阶段变更 / Stages entered'
-- +goose StatementEnd

-- One row per alert raised and one per thing done about it.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.alerts${on_cluster}
(
    alert_id     String COMMENT '提醒编号 / Alert id' CODEC(ZSTD(1)),
    verb         LowCardinality(String) COMMENT '发生了什么:raised、delivered、seen、claim、ack、snooze、dismiss、handover、outcome / What happened',
    entry_id     String COMMENT '动作事件编号 / Id of the action, empty when raised' CODEC(ZSTD(1)),
    at           DateTime64(3, 'UTC') COMMENT '发生时间 / When' CODEC(Delta(8), ZSTD(1)),
    day          Date32 COMMENT '日期(东八区) / Day in UTC+8',
    profile_id   String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    rule         LowCardinality(String) COMMENT '规则 / Rule',
    rule_version Int64 COMMENT '规则版本 / Rule version',
    tag          LowCardinality(String) COMMENT '标签 / Tag',
    severity     LowCardinality(String) COMMENT '级别 low、medium、high / Severity',
    title        String COMMENT '标题,可含密文 / Title, may hold sealed pieces' CODEC(ZSTD(3)),
    advice       String COMMENT '建议 / Advice' CODEC(ZSTD(3)),
    recipient    LowCardinality(String) COMMENT '发给谁 / Whom it is for',
    staff_id     LowCardinality(String) COMMENT '负责员工 / Staff member',
    staff        Array(String) COMMENT '全部收件员工 / All staff named',
    store_id     LowCardinality(String) COMMENT '门店 / Store',
    channel      LowCardinality(String) COMMENT '渠道 / Channel',
    received_at  Nullable(DateTime64(3, 'UTC')) COMMENT '触发事件的接收时间 / When the event behind it was received',
    cause        String COMMENT '起因 / Cause' CODEC(ZSTD(1)),
    evidence     String COMMENT '证据 JSON / Evidence, JSON' CODEC(ZSTD(3)),
    measures     Map(String, String) COMMENT '指标值 / Measure values' CODEC(ZSTD(3)),
    by           String COMMENT '谁做的 / Who did it, or the channel that delivered',
    until        Nullable(DateTime64(3, 'UTC')) COMMENT '稍后提醒的时间 / Snoozed until',
    handed_to    String COMMENT '转交给谁 / Handed over to',
    remark       String COMMENT '原因或结果 / Why or what came of it' CODEC(ZSTD(3)),
    generation   UInt32 COMMENT '世代 / Generation',
    shard        UInt16 COMMENT '分片 / Shard',
    commit       Int64 COMMENT '提交号 / Commit number',
    position     UInt32 COMMENT '提交内位置 / Position in the commit',
    version      UInt64 COMMENT '次序 / Order as one number',
    topic        LowCardinality(String) COMMENT '主题 / Topic',
    partition    UInt16 COMMENT '分区 / Partition',
    offset       Int64 COMMENT '位点 / Offset',
    INDEX ix_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (alert_id, verb, entry_id, day)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '提醒及其处理 / Alerts and what was done about them'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.deliveries${on_cluster}
(
    alert_id    String COMMENT '提醒编号 / Alert id' CODEC(ZSTD(1)),
    delivery_id String COMMENT '投递编号 / Delivery id' CODEC(ZSTD(1)),
    channel     LowCardinality(String) COMMENT '投递通道 / Channel it went out on',
    at          DateTime64(3, 'UTC') COMMENT '时间 / When',
    day         Date32 COMMENT '日期(东八区) / Day in UTC+8',
    profile_id  String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    recipient   String COMMENT '收件人 / Recipient',
    detail      String COMMENT '说明 / Detail' CODEC(ZSTD(3)),
    topic       LowCardinality(String) COMMENT '主题 / Topic',
    partition   UInt16 COMMENT '分区 / Partition',
    offset      Int64 COMMENT '位点 / Offset'
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (alert_id, channel, delivery_id, day)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '提醒投递 / Deliveries of alerts'
-- +goose StatementEnd

-- profiles has no partition: replacing never crosses partitions. The tags of a
-- profile stand in it as its newest commit left them: counts and members are
-- read from here, changes are the history.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.profiles${on_cluster}
(
    profile_id  String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    known       Bool COMMENT '是否已知客户 / Known',
    excluded    Bool COMMENT '测试、员工或内部 / Test, staff or internal',
    stale       Bool COMMENT '等待重算 / Waits to be rebuilt',
    stage       LowCardinality(String) COMMENT '阶段 / Stage',
    stage_since Nullable(DateTime64(3, 'UTC')) COMMENT '进入阶段的时间 / In the stage since',
    owner       LowCardinality(String) COMMENT '负责员工 / Owner',
    owners      Array(LowCardinality(String)) COMMENT '服务过的员工 / Staff who serve the customer',
    channels    Array(LowCardinality(String)) COMMENT '渠道 / Channels',
    stores      Array(LowCardinality(String)) COMMENT '门店 / Stores',
    identities  Array(String) COMMENT '身份 / Identities' CODEC(ZSTD(1)),
    city        LowCardinality(String) COMMENT '城市 / City',
    province    LowCardinality(String) COMMENT '省份 / Province',
    industry    LowCardinality(String) COMMENT '行业 / Industry',
    level       LowCardinality(String) COMMENT '等级 / Level',
    source      LowCardinality(String) COMMENT '客户来源 / Source',
    gender      LowCardinality(String) COMMENT '性别 / Gender',
    age         Nullable(UInt8) COMMENT '年龄 / Age',
    intent      Nullable(Float64) COMMENT '意向分 / Intent score',
    traits      String COMMENT '属性 JSON / Traits, JSON' CODEC(ZSTD(3)),
    tags        Array(LowCardinality(String)) COMMENT '持有的标签 / Tags held',
    tag_groups  Array(LowCardinality(String)) COMMENT '各标签的标签组 / Group of each tag',
    tag_values  Array(String) COMMENT '各标签的取值 / Value of each tag of a family',
    tag_since   Array(DateTime64(3, 'UTC')) COMMENT '各标签的持有起点 / Each tag held since',
    tag_expires Array(Nullable(DateTime64(3, 'UTC'))) COMMENT '各标签的到期时间 / Each tag expires at',
    tag_rules   Array(LowCardinality(String)) COMMENT '各标签的规则 / Rule of each tag',
    tag_rule_versions Array(Int64) COMMENT '各标签的规则版本 / Rule version of each tag',
    tag_origins Array(LowCardinality(String)) COMMENT '各标签的来历 / Origin of each tag',
    measures    Map(String, String) COMMENT '指标值 / Measures' CODEC(ZSTD(3)),
    first_seen  DateTime64(3, 'UTC') COMMENT '首次出现 / First seen',
    last_seen   DateTime64(3, 'UTC') COMMENT '最近出现 / Last seen',
    clock       DateTime64(3, 'UTC') COMMENT '客户时钟 / The profile''s clock',
    at          DateTime64(3, 'UTC') COMMENT '快照时间 / When the snapshot was taken',
    day         Date32 COMMENT '快照日期(东八区) / Day of the snapshot in UTC+8',
    generation  UInt32 COMMENT '世代 / Generation',
    shard       UInt16 COMMENT '分片 / Shard',
    commit      Int64 COMMENT '提交号 / Commit number',
    position    UInt32 COMMENT '提交内位置 / Position in the commit',
    version     UInt64 COMMENT '次序 / Order as one number',
    topic       LowCardinality(String) COMMENT '主题 / Topic',
    partition   UInt16 COMMENT '分区 / Partition',
    offset      Int64 COMMENT '位点 / Offset'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY profile_id
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '客户的最新快照 / The newest snapshot of each profile'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.profile_daily${on_cluster}
(
    day        Date32 COMMENT '日期(东八区) / Day in UTC+8',
    profile_id String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    known      Bool COMMENT '是否已知客户 / Known',
    excluded   Bool COMMENT '测试、员工或内部 / Test, staff or internal',
    stage      LowCardinality(String) COMMENT '阶段 / Stage',
    owner      LowCardinality(String) COMMENT '负责员工 / Owner',
    city       LowCardinality(String) COMMENT '城市 / City',
    province   LowCardinality(String) COMMENT '省份 / Province',
    industry   LowCardinality(String) COMMENT '行业 / Industry',
    level      LowCardinality(String) COMMENT '等级 / Level',
    source     LowCardinality(String) COMMENT '客户来源 / Source',
    intent     Nullable(Float64) COMMENT '意向分 / Intent score',
    tags       Array(LowCardinality(String)) COMMENT '持有的标签 / Tags held',
    version    UInt64 COMMENT '次序 / Order as one number'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (day, profile_id)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '有变化的客户每日一行 / One row per profile and day with a change'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE MATERIALIZED VIEW IF NOT EXISTS ${db}.profile_daily_mv${on_cluster} TO ${db}.profile_daily
AS SELECT day, profile_id, known, excluded, stage, owner, city, province, industry, level, source, intent, tags, version
FROM ${db}.profiles
-- +goose StatementEnd

-- From when to when a profile had which flags: a recount as of a commit needs
-- them. Only min and max, so a repeated row changes nothing.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.profile_flags${on_cluster}
(
    profile_id    String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    known         Bool COMMENT '是否已知客户 / Known',
    excluded      Bool COMMENT '测试、员工或内部 / Test, staff or internal',
    first_version SimpleAggregateFunction(min, UInt64) COMMENT '最早次序 / First order with these flags',
    last_version  SimpleAggregateFunction(max, UInt64) COMMENT '最晚次序 / Last order with these flags'
)
ENGINE = ${replicated}AggregatingMergeTree
ORDER BY (profile_id, known, excluded)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '客户标志的历史 / History of a profile''s flags'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE MATERIALIZED VIEW IF NOT EXISTS ${db}.profile_flags_mv${on_cluster} TO ${db}.profile_flags
AS SELECT profile_id, known, excluded, min(version) AS first_version, max(version) AS last_version
FROM ${db}.profiles GROUP BY profile_id, known, excluded
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.identities${on_cluster}
(
    namespace  LowCardinality(String) COMMENT '命名空间 / Namespace',
    value      String COMMENT '取值,电话和邮箱为哈希 / Value, hashed for phone and email' CODEC(ZSTD(1)),
    profile_id String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    first_seen DateTime64(3, 'UTC') COMMENT '客户首次出现 / First seen of the profile',
    version    UInt64 COMMENT '次序 / Order as one number'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (namespace, value, profile_id)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '身份与客户 / Which identity belonged to which profile'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE MATERIALIZED VIEW IF NOT EXISTS ${db}.identities_mv${on_cluster} TO ${db}.identities
AS SELECT splitByChar(':', identity, 2)[1] AS namespace, substring(identity, length(splitByChar(':', identity, 2)[1]) + 2) AS value,
          profile_id, first_seen, version
FROM ${db}.profiles ARRAY JOIN identities AS identity
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.merges${on_cluster}
(
    other      String COMMENT '被并入的客户 / Profile that was merged away' CODEC(ZSTD(1)),
    profile_id String COMMENT '并入的客户 / Profile it was merged into' CODEC(ZSTD(1)),
    change_id  String COMMENT '变更编号 / Change id',
    at         DateTime64(3, 'UTC') COMMENT '时间 / When',
    day        Date32 COMMENT '日期(东八区) / Day in UTC+8',
    reason     LowCardinality(String) COMMENT '原因 / Reason',
    cause      String COMMENT '起因 / Cause',
    generation UInt32 COMMENT '世代 / Generation',
    shard      UInt16 COMMENT '分片 / Shard',
    commit     Int64 COMMENT '提交号 / Commit number',
    position   UInt32 COMMENT '提交内位置 / Position in the commit',
    version    UInt64 COMMENT '次序 / Order as one number',
    topic      LowCardinality(String) COMMENT '主题 / Topic',
    partition  UInt16 COMMENT '分区 / Partition',
    offset     Int64 COMMENT '位点 / Offset'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (other, profile_id)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '客户合并 / Merges of profiles'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.quality${on_cluster}
(
    change_id  String COMMENT '变更编号 / Change id',
    kind       LowCardinality(String) COMMENT '类别 conflict、shared、stale / Kind of finding',
    profile_id String COMMENT '客户 / Profile' CODEC(ZSTD(1)),
    other      String COMMENT '另一客户;shared 则为身份 / The other profile; of shared the identity' CODEC(ZSTD(1)),
    at         DateTime64(3, 'UTC') COMMENT '时间 / When',
    day        Date32 COMMENT '日期(东八区) / Day in UTC+8',
    reason     LowCardinality(String) COMMENT '原因 / Reason',
    cause      String COMMENT '起因 / Cause',
    version    UInt64 COMMENT '次序 / Order as one number',
    topic      LowCardinality(String) COMMENT '主题 / Topic',
    partition  UInt16 COMMENT '分区 / Partition',
    offset     Int64 COMMENT '位点 / Offset'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (kind, day, profile_id, change_id)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '冲突与迟到 / Conflicts of identities and profiles that wait to be rebuilt'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.rejected${on_cluster}
(
    id        String COMMENT '由内容得出的编号 / Id made of the content',
    at        DateTime64(3, 'UTC') COMMENT '时间 / When',
    day       Date32 COMMENT '日期(东八区) / Day in UTC+8',
    stage     LowCardinality(String) COMMENT '在哪一步被拒 / Role that refused it',
    source    LowCardinality(String) COMMENT '来源 / Source',
    event_id  String COMMENT '事件编号 / Event id' CODEC(ZSTD(1)),
    type      LowCardinality(String) COMMENT '事件类型 / Event type',
    reason    LowCardinality(String) COMMENT '原因 / Typed reason',
    detail    String COMMENT '说明 / Detail' CODEC(ZSTD(3)),
    raw       String COMMENT '坐标 topic/partition/offset / Coordinates' CODEC(ZSTD(1)),
    body      String COMMENT '原文,以当日密钥加密 / Body, sealed with the day''s key' CODEC(ZSTD(3)),
    topic     LowCardinality(String) COMMENT '主题 / Topic',
    partition UInt16 COMMENT '分区 / Partition',
    offset    Int64 COMMENT '位点 / Offset'
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (reason, day, id)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '被拒的输入 / Input that was refused'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ${db}.batches${on_cluster}
(
    topic       LowCardinality(String) COMMENT '主题 / Topic',
    partition   UInt16 COMMENT '分区 / Partition',
    lo          Int64 COMMENT '起始位点(含) / First offset',
    hi          Int64 COMMENT '结束位点(不含) / Behind the last offset',
    records     UInt32 COMMENT '记录数 / Records read',
    poison      UInt32 COMMENT '无法解析的记录数 / Records that could not be read',
    shard       UInt16 COMMENT '分片 / Shard of the newest change in the range',
    generation  UInt32 COMMENT '世代 / Its generation',
    commit      Int64 COMMENT '提交号 / Its commit number, 0 when there is none',
    token       String COMMENT '插入令牌 / Token of the set',
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT '入库时间 / When it was inserted'
)
ENGINE = ${replicated}ReplacingMergeTree(hi)
ORDER BY (topic, partition, lo)
SETTINGS ${window}, min_age_to_force_merge_seconds = 3600
COMMENT '已归档的位点区间 / Ranges of the log that have been archived'
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
SELECT 'history is not dropped by a migration'
-- +goose StatementEnd
