-- title: New rejected ports
-- meaning: destination ports that are refused in the window and were not in the window before it
-- theme: refused
-- fields: action, dstport, protocol, srcaddr, start
-- param: top integer 20: rows at most
-- against: 7d
WITH before AS (
    SELECT DISTINCT dstport, protocol FROM flow_logs_before WHERE action = 'REJECT'
)
SELECT now.dstport,
       now.protocol,
       service_name(now.dstport, now.protocol) AS service,
       count(*)                                AS flows,
       count(DISTINCT now.srcaddr)             AS sources,
       min(now.start_time)                     AS first
FROM flow_logs AS now
LEFT ANTI JOIN before
    ON (before.dstport IS NOT DISTINCT FROM now.dstport) AND (before.protocol IS NOT DISTINCT FROM now.protocol)
WHERE now.action = 'REJECT'
GROUP BY now.dstport, now.protocol
ORDER BY flows DESC, now.dstport, now.protocol
LIMIT $top
