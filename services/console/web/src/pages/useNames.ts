import { usePlaces } from './usePlaces'

// A channel, store or member of staff by name, for those who may read the definitions; by id for all others.
export interface Names {
  channel: (id: string) => string
  staff: (id: string) => string
}

export function useNames(): Names {
  return { channel: usePlaces('channel'), staff: usePlaces('staff') }
}
