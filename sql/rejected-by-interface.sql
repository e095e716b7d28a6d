-- title: Rejected traffic by interface
-- meaning: which network interfaces refused most, and from how many sources
-- theme: refused
-- fields: action, interface_id, srcaddr, packets, bytes
-- param: top integer 20: rows at most
SELECT interface_id,
       count(*)                AS flows,
       count(DISTINCT srcaddr) AS sources,
       sum(packets)            AS packets,
       sum(bytes)              AS bytes
FROM flow_logs
WHERE action = 'REJECT'
GROUP BY interface_id
ORDER BY flows DESC, interface_id
LIMIT $top
