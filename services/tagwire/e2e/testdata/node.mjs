// Sends COUNT events through Segment's client for Node.js and prints their ids: node.mjs MODULES HOST KEY COUNT
import { createRequire } from 'node:module'

const [modules, host, writeKey, count] = process.argv.slice(2)
const { Analytics } = createRequire(modules + '/')('@segment/analytics-node')
const analytics = new Analytics({ writeKey, host, flushAt: 100 })
let failures = 0
analytics.on('error', (error) => {
  failures++
  console.error(error)
})
const ids = []
const sent = (error, context) => (error ? failures++ : ids.push(context.event.messageId))
for (let i = 0; i < Number(count); i++) {
  const userId = `node-${i % 500}`
  if (i % 10 === 0) analytics.identify({ userId, traits: { city: '杭州', level: i } }, sent)
  else if (i % 10 === 1) analytics.page({ userId, name: '商品页', properties: { url: 'https://shop.example.com/p/1' } }, sent)
  else analytics.track({ userId, event: 'Order Completed', properties: { order_id: `n${i}`, total: 12.5, currency: 'CNY' } }, sent)
}
await analytics.closeAndFlush({ timeout: 60_000 })
console.log(ids.join('\n'))
process.exitCode = failures ? 1 : 0
