// The console API as the page relies on it: one type per answer, named as on the wire.
// Times are RFC 3339 strings; numbers that may be money arrive as decimal strings.

export interface Session {
  role: string
  name: string
}

// A place in a rule set (line and column) or in a definition (field).
export interface FieldProblem {
  file?: string
  line?: number
  column?: number
  field?: string
  message: string
}

export interface Problem {
  type?: string
  title?: string
  status?: number
  // What went wrong, as a word for programs.
  code?: string
  detail?: string
  needs?: string[]
  errors?: FieldProblem[]
}

export interface TagCount {
  tag: string
  group: string
  count: number
  anonymous: number
  // Its rule reads a measure that began empty, so it does not see the whole window yet.
  warming?: boolean
  // The split by the dimension that was asked for; missing where the tag's group is not counted by it.
  by?: Record<string, number>
}

export const DIMENSIONS = ['channel', 'store', 'staff', 'city'] as const
export type Dimension = (typeof DIMENSIONS)[number]

export interface GroupInfo {
  group: string
  dimensions: Dimension[]
  color?: string
  order?: number
}

export interface StageCount {
  stage: string
  count: number
}

export interface TagBoard {
  // null before anything has been applied at all.
  as_of: string | null
  rules_version: number | string
  activating?: boolean
  stale?: number
  population: { known: number; anonymous: number }
  stages: StageCount[]
  tags: TagCount[]
  // In the order in which they are shown.
  groups?: GroupInfo[]
}

export interface TagMember {
  profile_id: string
  name?: string
  since: string
  expires_at?: string | null
}

export interface TagMembers {
  as_of: string
  members: TagMember[]
  next_cursor?: string
}

export interface TagChange {
  change_id: string
  op: 'applied' | 'renewed' | 'removed' | 'expired'
  profile_id: string
  name?: string
  time: string
  reason: string
  rule: string
  rule_version: number
  evidence: Evidence[]
}

export interface TagChanges {
  as_of: string | null
  rules_version: number
  changes: TagChange[]
  next_cursor?: string
}

export interface Evidence {
  event_id: string
  type?: string
  time?: string
  matched?: Matched[]
  object_title?: string
}

// A keyword match: the bare word, or the keyword list with the words that hit.
export type Matched = string | { list?: string; keyword?: string; words?: string[]; word?: string }

export type Severity = 'low' | 'medium' | 'high' | 'critical' | (string & {})
export type AlertState = 'open' | 'claimed' | 'acked' | 'snoozed' | 'dismissed' | 'expired'
export type AlertAction = 'seen' | 'claim' | 'ack' | 'snooze' | 'dismiss' | 'handover' | 'outcome'

export type Scalar = string | number | boolean | null
export type MeasureValue = Scalar | Scalar[]

export type Condition = string | { text?: string; expr?: string; holds?: boolean; value?: MeasureValue }

export interface Alert {
  alert_id: string
  profile_id: string
  name?: string
  rule: string
  rule_version: number | string
  tag: string
  severity: Severity
  title: string
  advice?: string
  staff_id: string
  state: AlertState
  raised_at: string
  claimed_by?: string
  snoozed_until?: string
  // Nobody had taken it up by then, so others were told.
  escalated_at?: string
  evidence?: Evidence[]
  measures?: Record<string, MeasureValue>
  conditions?: Condition[]
}

export interface AlertList {
  alerts: Alert[]
  next_cursor?: string
}

export interface LiveEvent {
  event_id: string
  type: string
  time: string
  received_at: string
  source: string
  profile_id?: string
  verdict: 'accepted' | 'rejected'
  reason?: string
  detail?: string
  tags_applied?: string[]
  tags_removed?: string[]
  alerts?: string[]
  did_you_mean?: string
  // The stage that it made the customer enter.
  stage?: string
}

export type Identity = string | { namespace: string; value: string; conflict?: boolean }
export type TraitValue = Scalar | { value: Scalar; source?: string; time?: string }

export interface ProfileTag {
  tag: string
  group: string
  since: string
  expires_at?: string | null
  rule: string
  rule_version: number | string
  origin?: string
  evidence?: (string | Evidence)[]
}

export interface ProfileStage {
  stage?: string
  name?: string
  since?: string
}

// A link that was asked for and is not made. unique: the other customer has another value of something of which one
// has one only; shared: a phone or device (identity) was seen with more people than its limit.
export interface IdentityConflict {
  kind: 'unique' | 'parted' | 'shared' | (string & {})
  identity?: string
  since: string | null
  with: string[]
}

// What came of taking identities out of a customer; not committed: it will.
export interface Parted {
  profile_id: string
  new_profile_id?: string
  committed: boolean
}

export interface Profile {
  profile_id: string
  identities: Identity[]
  traits: Record<string, TraitValue>
  tags: ProfileTag[]
  measures: Record<string, MeasureValue>
  inexact?: string[]
  warming?: (string | { measure: string })[]
  stale?: boolean
  merging?: boolean
  parting?: boolean
  profiling_refused?: boolean
  suppressed?: boolean
  internal?: boolean
  conflicts?: IdentityConflict[]
  stage?: ProfileStage
  owner?: string
  owners?: string[]
  as_of: string
  // Of a past moment: history may not be whole up to it yet.
  late?: boolean
}

export type TimelineKind = 'event' | 'tag' | 'stage' | 'alert' | 'note' | 'identity'

export interface TimelineItem {
  time: string
  kind: TimelineKind
  type: string
  title?: string
  source?: string
  channel?: string
  staff_id?: string
  object_title?: string
  amount?: string | number
  currency?: string
  matched?: Matched[]
  stage?: string
  from_stage?: string
  severity?: string
  // Of identity: the other customer (conflict), or the phone or device that is shared.
  other?: string
  tag?: string
  op?: string
  rule?: string
  rule_version?: number | string
  event_id?: string
}

export interface Timeline {
  items: TimelineItem[]
  // Later events have not reached the history yet.
  archived_to?: string
  next_cursor?: string
}

export interface Explanation {
  tag: string
  holds: boolean
  since?: string
  rule: string
  rule_version: number | string
  when?: string
  text?: string | { zh?: string; en?: string }
  reason?: Record<string, unknown>
  evidence?: Evidence[]
  measures?: Record<string, MeasureValue>
  // Other tags that the rule reads, and whether they hold.
  tags?: Record<string, boolean>
  warming?: { measure: string }[]
  // The conditions part by part, with their values: of `when`, or one for each choice.
  tree?: ConditionTree
  choose?: { tag: string; tree?: ConditionTree }[]
  // The event that an event tag's tree was judged by, and what to know about it.
  tree_event?: Evidence
  tree_note?: { zh?: string; en?: string }
}

// A condition or a part of one. What is true or false has `holds`, all else `value`, which is missing when there is none.
export interface ConditionTree {
  op?: string
  text?: string
  holds?: boolean
  value?: MeasureValue
  at_least?: boolean
  left?: ConditionTree
  right?: ConditionTree
  children?: ConditionTree[]
  next?: string
}

export interface RoleHealth {
  ok: boolean
  lag_seconds?: number
  detail?: string
}

export interface PartHealth {
  ok?: boolean
  embedded?: boolean
  detail?: string
  version?: string
}

export interface Status {
  roles: Record<string, RoleHealth>
  parts: Record<string, PartHealth | boolean | string>
  streams?: { as_of?: string }
  rules?: { version?: number; activating?: boolean; trouble?: string }
}

export const DEFINITION_KINDS = ['source', 'channel', 'store', 'link', 'form', 'staff', 'route'] as const
export type DefinitionKind = (typeof DEFINITION_KINDS)[number]

export interface Definition {
  id: string
  version: number | string
  body: Record<string, unknown>
  author?: string
  time?: string
}

export interface DefinitionList {
  items: Definition[]
}

// Something worth a look in the rules in force, in both languages, with what to do about it.
export interface RuleFinding {
  check: string
  level: string
  file?: string
  line?: number
  column?: number
  name: string
  zh: string
  en: string
  do_zh: string
  do_en: string
}

export interface RuleLint {
  findings: RuleFinding[]
}

export type SaidKind = 'keyword' | 'measure' | 'tag' | 'choice' | 'alert' | 'stage'

// One rule in words, with the place where it stands.
export interface SaidRule {
  kind: SaidKind
  name: string
  // The tag rule that a choice or an alert belongs to.
  rule?: string
  group?: string
  // Of a measure: it has cut points.
  numeric?: boolean
  file: string
  line: number
  zh: string
  en: string
}

export interface CutPoint {
  point: string
  value: string
}

// The cut points of a measure that the rules carry; customers is missing where nobody noted of how many they are.
export interface StandingCuts {
  measure: string
  date: string
  customers?: number
  points: (CutPoint & { read_by: string[] })[]
  file: string
  line: number
}

export interface RulesSaid {
  version?: number
  rules: SaidRule[]
  groups: GroupInfo[]
  cuts: StandingCuts[]
}

export interface TakenCuts {
  measure: string
  date: string
  as_of: string | null
  customers: number
  points: CutPoint[]
}
