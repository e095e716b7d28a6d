-- title: Rejects by policy
-- meaning: flows refused by Block Public Access (BPA) or encryption controls (EC), by reason and interface
-- theme: refused
-- fields: action, reject_reason, interface_id, srcaddr, packets
-- param: top integer 20: rows at most
SELECT reject_reason,
       interface_id,
       count(*)                AS flows,
       count(DISTINCT srcaddr) AS sources,
       sum(packets)            AS packets
FROM flow_logs
WHERE action = 'REJECT' AND reject_reason IS NOT NULL
GROUP BY reject_reason, interface_id
ORDER BY flows DESC, reject_reason, interface_id
LIMIT $top
