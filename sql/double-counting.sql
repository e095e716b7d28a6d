-- title: Flows that were counted twice
-- meaning: flows that several interfaces recorded, and the bytes by which sums over all interfaces are too high
-- theme: logs
-- fields: interface_id, srcaddr, dstaddr, srcport, dstport, protocol, bytes
-- param: top integer 20: rows at most
-- The worst are found by numbers, since there are nearly as many flows as records; only they are grouped by their texts.
WITH recorded AS (
    SELECT hash64(srcaddr, dstaddr, srcport, dstport, protocol) AS flow,
           hash64(interface_id)                                 AS interface,
           sum(bytes)                                           AS bytes
    FROM flow_logs
    WHERE srcaddr IS NOT NULL AND bytes > 0
    GROUP BY hash64(srcaddr, dstaddr, srcport, dstport, protocol), hash64(interface_id)
),
worst AS (
    SELECT flow
    FROM recorded
    GROUP BY flow
    HAVING count(*) > 1
    ORDER BY sum(bytes) - max(bytes) DESC, flow
    LIMIT $top
),
seen AS (
    SELECT srcaddr, dstaddr, srcport, dstport, protocol, interface_id, sum(bytes) AS bytes
    FROM flow_logs
    WHERE srcaddr IS NOT NULL AND bytes > 0
      AND hash64(srcaddr, dstaddr, srcport, dstport, protocol) IN (SELECT flow FROM worst)
    GROUP BY srcaddr, dstaddr, srcport, dstport, protocol, interface_id
)
SELECT srcaddr,
       dstaddr,
       srcport,
       dstport,
       protocol,
       count(*)                AS interfaces,
       max(bytes)              AS bytes,
       sum(bytes) - max(bytes) AS bytes_too_many
FROM seen
GROUP BY srcaddr, dstaddr, srcport, dstport, protocol
HAVING count(*) > 1
ORDER BY bytes_too_many DESC, srcaddr, dstaddr, srcport, dstport, protocol
LIMIT $top
