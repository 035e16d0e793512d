import { useQuery } from '@tanstack/react-query'
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { getJson } from '../api/client'
import type { StreamState } from '../api/sse'
import type { Dimension, TagBoard } from '../api/types'
import { emptyBoard, reduceBoard, type Board } from './board'
import { useStream, useTabActive } from './useStream'

interface BoardState {
  board: Board
  stream: StreamState
  error: unknown
  // By whose values the counts are split; null: by none.
  by: Dimension | null
  setBy: (by: Dimension | null) => void
  attach: () => () => void
}

const BoardContext = createContext<BoardState | null>(null)
const POLL_MS = 10_000

// The board outlives the page that shows it, so its sparklines go on after a look elsewhere;
// its stream is open only while some page shows it.
export function BoardProvider({ children }: { children: ReactNode }) {
  const [board, setBoard] = useState<Board>(emptyBoard)
  const [by, setBy] = useState<Dimension | null>(null)
  const [viewers, setViewers] = useState(0)
  const active = useTabActive()
  const enabled = viewers > 0 && active
  const query = by ? `?by=${by}` : ''
  const take = useCallback((boards: TagBoard[]) => setBoard((old) => boards.reduce(reduceBoard, old)), [])
  const stream = useStream<TagBoard>({ url: `/api/v1/tags/stream${query}`, enabled }, { onItems: take })
  // Where a proxy swallows event streams, the board still moves: it is asked for every ten seconds.
  const poll = useQuery({
    queryKey: ['tags', by],
    queryFn: ({ signal }) => getJson<TagBoard>(`/api/v1/tags${query}`, signal),
    enabled: enabled && stream !== 'open',
    refetchInterval: POLL_MS,
  })
  useEffect(() => {
    if (poll.data) take([poll.data])
  }, [poll.data, take])
  const attach = useCallback(() => {
    setViewers((n) => n + 1)
    return () => setViewers((n) => n - 1)
  }, [])
  const error = stream === 'open' ? null : poll.error
  const value = useMemo(() => ({ board, stream, error, by, setBy, attach }), [board, stream, error, by, attach])
  return <BoardContext.Provider value={value}>{children}</BoardContext.Provider>
}

export function useBoard(): Omit<BoardState, 'attach'> {
  const state = useContext(BoardContext)
  if (!state) throw new Error('useBoard outside BoardProvider')
  const { attach } = state
  useEffect(() => attach(), [attach])
  return state
}
