-- has: subnet-n
-- lacks: NULL
SELECT subnet_id, count(*), sum(packets), sum(bytes) b FROM vpc WHERE subnet_id IS NOT NULL GROUP BY 1 ORDER BY b DESC, 1 LIMIT 20
