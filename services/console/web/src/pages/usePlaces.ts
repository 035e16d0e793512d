import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { getJson } from '../api/client'
import type { DefinitionList, Dimension } from '../api/types'

// Names of channels, stores and staff as the definitions give them. Cities are their own names; so is whatever has
// no definition, or may not be read.
export function usePlaces(by: Dimension | null): (value: string) => string {
  const { data } = useQuery({
    queryKey: ['places', by],
    queryFn: ({ signal }) => getJson<DefinitionList>(`/api/v1/defs/${by}`, signal),
    enabled: by !== null && by !== 'city',
    staleTime: 60_000,
    retry: false,
  })
  return useCallback(
    (value: string) => {
      const name = data?.items.find((d) => d.id === value)?.body.name
      return typeof name === 'string' && name ? name : value
    },
    [data],
  )
}
