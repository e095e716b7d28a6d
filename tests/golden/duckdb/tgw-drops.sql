-- has: blackhole | tgw-1 | att-b | 1 | 7
-- lacks: att-quiet
WITH lost AS (
    SELECT 'no route' cause, tgw_attachment_id a, packets_lost_no_route n FROM tgw
    UNION ALL SELECT 'blackhole', tgw_attachment_id, packets_lost_blackhole FROM tgw
    UNION ALL SELECT 'MTU exceeded', tgw_attachment_id, packets_lost_mtu_exceeded FROM tgw
    UNION ALL SELECT 'TTL expired', tgw_attachment_id, packets_lost_ttl_expired FROM tgw
)
SELECT cause, 'tgw-1', a, count(*), sum(n) s FROM lost WHERE n > 0 GROUP BY cause, a ORDER BY s DESC, cause, a
