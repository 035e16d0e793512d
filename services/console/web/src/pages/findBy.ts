// What a person types to find a customer: a phone number or an e-mail address needs no namespace before it.
export function findBy(typed: string): string {
  const text = typed.trim()
  const digits = text.replace(/[\s-]/g, '')
  if (/^(\+?86)?1\d{10}$/.test(digits)) return `phone:${digits}`
  if (/^[^\s:@]+@[^\s:@]+\.[^\s:@]+$/.test(text)) return `email:${text}`
  return text
}
