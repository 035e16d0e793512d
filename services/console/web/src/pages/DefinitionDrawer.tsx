import { useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button, Drawer, Input, Popconfirm } from 'antd'
import { useState } from 'react'
import { ApiError, sendJson } from '../api/client'
import type { Definition, DefinitionKind } from '../api/types'
import { useWords } from '../i18n'
import { inLanguage } from '../text/bilingual'
import type { Lang } from '../text/format'
import { CodeArea } from '../parts/CodeArea'
import { useErrorText } from '../parts/errors'
import { parseDefinition, validId } from './definitionText'

interface DefinitionDrawerProps {
  kind: DefinitionKind
  edited: Definition | null | undefined
  onClose: () => void
}

export function DefinitionDrawer({ kind, edited, onClose }: DefinitionDrawerProps) {
  const { t } = useWords()
  const title = edited ? t('defs.edit', { id: edited.id }) : t('defs.create', { kind: t(`defs.${kind}`) })
  return (
    <Drawer open={edited !== undefined} onClose={onClose} title={title} size={560} destroyOnHidden>
      {edited !== undefined && <Form kind={kind} edited={edited} onClose={onClose} />}
    </Drawer>
  )
}

interface FormProps {
  kind: DefinitionKind
  edited: Definition | null
  onClose: () => void
}

function Form({ kind, edited, onClose }: FormProps) {
  const { t } = useWords()
  const [id, setId] = useState(edited?.id ?? '')
  const [text, setText] = useState(edited ? JSON.stringify(edited.body, null, 2) : '{\n  "name": ""\n}')
  const { busy, problem, save, remove } = useDefinition({ kind, edited, onClose })
  return (
    <div className="def-form">
      {problem && <Alert type="error" showIcon title={problem} role="alert" />}
      {!edited && (
        <>
          <label htmlFor="def-id">{t('defs.id')}</label>
          <Input id="def-id" value={id} onChange={(e) => setId(e.target.value)} autoFocus />
        </>
      )}
      <label>{t('defs.json')}</label>
      <CodeArea value={text} onChange={setText} onSave={() => void save(id, text)} label={t('defs.json')} rows={18} />
      <div className="editor-foot">
        <Button type="primary" loading={busy} onClick={() => void save(id, text)}>
          {t('common.save')}
        </Button>
        {edited && (
          <Popconfirm
            title={t('defs.deleteAsk', { id: edited.id })}
            okText={t('defs.delete')}
            cancelText={t('common.cancel')}
            onConfirm={() => void remove()}
          >
            <Button danger>{t('defs.delete')}</Button>
          </Popconfirm>
        )}
      </div>
    </div>
  )
}

// What the server finds wrong with a field is more use than the general refusal around it.
function fieldText(error: unknown, lang: Lang): string {
  const listed = error instanceof ApiError ? (error.problem.errors ?? []) : []
  return listed.map(({ field, message }) => (field ? `${field}: ` : '') + inLanguage(message, lang)).join(lang === 'zh' ? '；' : '; ')
}

function useDefinition({ kind, edited, onClose }: FormProps) {
  const { t, lang } = useWords()
  const { message } = App.useApp()
  const client = useQueryClient()
  const errorText = useErrorText()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const path = (id: string) => `/api/v1/defs/${kind}/${encodeURIComponent(id)}`
  const ifMatch = edited ? String(edited.version) : undefined

  const run = async (id: string, work: () => Promise<string>) => {
    setBusy(true)
    setProblem('')
    try {
      message.success(await work())
      await client.invalidateQueries({ queryKey: ['defs', kind] })
      onClose()
    } catch (error) {
      const exists = !edited && error instanceof ApiError && error.status === 409
      setProblem(exists ? t('defs.exists', { id }) : fieldText(error, lang) || errorText(error))
    } finally {
      setBusy(false)
    }
  }
  const save = async (id: string, text: string) => {
    const parsed = parseDefinition(text)
    if (!validId(id)) return setProblem(t('defs.badId'))
    if ('error' in parsed) return setProblem(parsed.error ? t('defs.badJson', { detail: parsed.error }) : t('defs.notObject'))
    await run(id, async () => {
      const answer = await sendJson<{ version?: number | string }>('PUT', path(id), parsed.value, ifMatch)
      return t('defs.saved', { version: answer?.version ?? '—' })
    })
  }
  const remove = () =>
    run(edited!.id, async () => {
      await sendJson('DELETE', path(edited!.id), undefined, ifMatch)
      return t('defs.deleted')
    })
  return { busy, problem, save, remove }
}
