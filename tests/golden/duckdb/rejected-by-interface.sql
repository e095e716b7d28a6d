-- has: eni-bastion | 30
-- lacks: eni-quiet0
SELECT interface_id, count(*) n, count(DISTINCT srcaddr), sum(packets), sum(bytes) FROM vpc WHERE action = 'REJECT' GROUP BY 1 ORDER BY n DESC, 1 LIMIT 20
