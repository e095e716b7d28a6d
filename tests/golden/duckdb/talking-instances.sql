-- has: i-db1
-- lacks: NULL
SELECT instance_id, count(*), sum(packets), sum(bytes) b FROM vpc WHERE instance_id IS NOT NULL GROUP BY 1 ORDER BY b DESC, 1 LIMIT 20
