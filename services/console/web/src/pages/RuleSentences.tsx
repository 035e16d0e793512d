import { useQuery } from '@tanstack/react-query'
import { Input, Segmented } from 'antd'
import { useMemo, useState } from 'react'
import { ApiError, call, getJson } from '../api/client'
import type { FieldProblem, RulesSaid, SaidRule, TagBoard } from '../api/types'
import { useWords } from '../i18n'
import { groupColor, UNGROUPED } from '../live/board'
import { Chip } from '../parts/marks'
import { Loading, Nothing, Panel, Trouble } from '../parts/states'
import { inLanguage } from '../text/bilingual'
import { formatCount } from '../text/format'
import { MembersDrawer } from './MembersDrawer'
import { holdersOf, sectionsOf, splitName, type SaidSection } from './saidRules'

const PATH = '/api/v1/rules/explain'
const COUNTS_MS = 10_000

// What the saved rules say; both views of them read it once.
export function useSaved(version: string) {
  return useQuery({ queryKey: ['rules-said', version], queryFn: ({ signal }) => getJson<RulesSaid>(PATH, signal), staleTime: 60_000 })
}

function useDraft(text: string | null) {
  return useQuery({
    queryKey: ['rules-said-draft', text],
    queryFn: async ({ signal }) => {
      const response = await call(PATH, { method: 'POST', text: { body: text ?? '', type: 'application/yaml' }, signal })
      return (await response.json()) as RulesSaid
    },
    enabled: text !== null,
    retry: false,
    gcTime: 0,
  })
}

interface RuleSentencesProps {
  version: string
  // What is written in the editor and not saved; null: nothing.
  draft: string | null
  onGo: (place: FieldProblem, inDraft: boolean) => void
}

// Each rule in one sentence, for those who do not read the rule language.
export function RuleSentences({ version, draft, onGo }: RuleSentencesProps) {
  const { t } = useWords()
  const [asked, setAsked] = useState<'saved' | 'draft'>('saved')
  const [search, setSearch] = useState('')
  const inDraft = asked === 'draft' && draft !== null
  const saved = useSaved(version)
  const drafted = useDraft(inDraft ? draft : null)
  const query = inDraft ? drafted : saved
  return (
    <>
      <div className="said-tools">
        <Input.Search
          className="tool-search"
          allowClear
          placeholder={t('said.search')}
          aria-label={t('said.search')}
          onChange={(e) => setSearch(e.target.value)}
        />
        {draft !== null && (
          <Segmented<'saved' | 'draft'>
            aria-label={t('said.which')}
            value={asked}
            onChange={setAsked}
            options={[
              { value: 'saved', label: t('said.saved') },
              { value: 'draft', label: t('said.draft') },
            ]}
          />
        )}
      </div>
      {query.isPending && <Loading />}
      {query.error && !query.data && <Refused error={query.error} onGo={(p) => onGo(p, inDraft)} onRetry={() => void query.refetch()} />}
      {query.data && <Sections said={query.data} search={search} counted={!inDraft} onGo={(p) => onGo(p, inDraft)} />}
    </>
  )
}

// A text that does not compile has no sentences: what is wrong with it, and where.
function Refused({ error, onGo, onRetry }: { error: unknown; onGo: (place: FieldProblem) => void; onRetry: () => void }) {
  const { t, lang } = useWords()
  const first = error instanceof ApiError ? error.problem.errors?.[0] : undefined
  if (!first) return <Trouble error={error} onRetry={onRetry} />
  return (
    <div className="problems" role="alert">
      <b>{t('said.refused')}</b>
      <p>
        <button type="button" onClick={() => onGo(first)}>
          {t('rules.place', { line: first.line ?? 1, column: first.column ?? 1 })}
        </button>{' '}
        {inLanguage(first.message, lang)}
      </p>
    </div>
  )
}

interface SectionsProps {
  said: RulesSaid
  search: string
  counted: boolean
  onGo: (place: FieldProblem) => void
}

function Sections({ said, search, counted, onGo }: SectionsProps) {
  const { t, lang } = useWords()
  const [tag, setTag] = useState<string | null>(null)
  const board = useQuery({
    queryKey: ['tags', null],
    queryFn: ({ signal }) => getJson<TagBoard>('/api/v1/tags', signal),
    enabled: counted,
    refetchInterval: COUNTS_MS,
  })
  const sections = useMemo(() => sectionsOf(said, search, lang), [said, search, lang])
  const count = useMemo(() => holdersOf(counted ? board.data : undefined, said.rules), [counted, board.data, said])
  const inForce = board.data?.rules_version
  if (sections.length === 0) return <Nothing>{t(said.rules.length > 0 ? 'said.none' : 'said.empty')}</Nothing>
  return (
    <>
      {counted && said.version !== undefined && inForce !== undefined && Number(inForce) !== said.version && (
        <p className="warn small said-note">{t('said.notYet', { saved: said.version, version: inForce })}</p>
      )}
      {sections.map((s) => (
        <Panel key={s.kind + s.group} className="said-panel" title={<SectionTitle section={s} said={said} />}>
          <ul className="said">
            {s.rules.map((r) => (
              <Sentence key={`${r.kind}/${r.name}/${r.file}/${r.line}`} rule={r} count={count(r)} onGo={onGo} onMembers={setTag} />
            ))}
          </ul>
        </Panel>
      ))}
      <MembersDrawer tag={tag} onClose={() => setTag(null)} />
    </>
  )
}

function SectionTitle({ section, said }: { section: SaidSection; said: RulesSaid }) {
  const { t } = useWords()
  const color = groupColor(said.groups, section.group)
  const named = section.group === UNGROUPED ? t('tags.ungrouped') : section.group
  return (
    <>
      {color && <i className="group-dot" aria-hidden="true" style={{ background: color }} />}
      {section.kind === 'group' ? named : t(`said.section.${section.kind}`)} <small className="muted">{section.rules.length}</small>
    </>
  )
}

interface SentenceProps {
  rule: SaidRule
  count: number | undefined
  onGo: (place: FieldProblem) => void
  onMembers: (tag: string) => void
}

function Sentence({ rule, count, onGo, onMembers }: SentenceProps) {
  const { t, lang } = useWords()
  const { name, rest } = splitName(rule, lang)
  const place = `${rule.file}:${rule.line}`
  const people = count === undefined ? '' : t('said.people', { count: formatCount(count, lang) })
  return (
    <li className={rule.rule ? 'said-part' : undefined}>
      <p>
        <Chip>{t(`said.kind.${rule.kind}`)}</Chip> <b>{name}</b>
        {rest}
      </p>
      <p className="said-foot small">
        {people && rule.kind === 'stage' && <span>{people}</span>}
        {people && rule.kind !== 'stage' && (
          <button type="button" className="link" title={t('tags.membersOpen', { tag: rule.name })} onClick={() => onMembers(rule.name)}>
            {people}
          </button>
        )}
        <button type="button" className="link" title={t('said.go', { place })} onClick={() => onGo({ ...rule, column: 1, message: '' })}>
          {place}
        </button>
      </p>
    </li>
  )
}
