"""Sends COUNT events through Segment's client for Python and prints their ids: python.py PACKAGES HOST KEY COUNT"""

import sys

sys.path.insert(0, sys.argv[1])

import segment.analytics as analytics  # noqa: E402  (it lies in the folder that is given)

analytics.host, analytics.write_key, count = sys.argv[2], sys.argv[3], int(sys.argv[4])
analytics.max_queue_size = 20_000
failures = []
analytics.on_error = lambda error, items: failures.append(error)

ids = []
for i in range(count):
    user = f"python-{i % 500}"
    if i % 10 == 0:
        queued, message = analytics.identify(user, {"city": "成都", "level": i})
    elif i % 10 == 1:
        queued, message = analytics.page(user, "商品", "商品页", {"url": "https://shop.example.com/p/1"})
    else:
        queued, message = analytics.track(user, "Order Completed", {"order_id": f"p{i}", "total": 12.5, "currency": "CNY"})
    if not queued:
        failures.append("the queue is full")
    ids.append(message["messageId"])
analytics.shutdown()
print("\n".join(ids))
for failure in failures:
    print(failure, file=sys.stderr)
sys.exit(1 if failures else 0)
