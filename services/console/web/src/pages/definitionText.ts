export type Parsed = { value: Record<string, unknown> } | { error: string }

// An empty error means: valid JSON, but not an object.
export function parseDefinition(text: string): Parsed {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value: value as Record<string, unknown> }
    return { error: '' }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

export function validId(id: string): boolean {
  return /^[^\s/]+$/.test(id)
}

// What a definition holds besides its name, which has a column of its own.
export function contentText(body: Record<string, unknown>): string {
  const { name, ...rest } = body
  return JSON.stringify(typeof name === 'string' ? rest : body)
}
