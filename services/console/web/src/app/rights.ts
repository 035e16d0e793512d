// Who may change rules, as the API has it: the page does not offer what would be refused. The API decides.
export function mayEditRules(role: string | undefined): boolean {
  return role === 'admin' || role === 'marketing'
}
