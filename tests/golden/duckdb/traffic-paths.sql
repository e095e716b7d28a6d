-- has: 7 | gateway endpoint | 6
-- lacks: NULL
SELECT traffic_path, CASE traffic_path WHEN 1 THEN 'same VPC' WHEN 3 THEN 'virtual private gateway' WHEN 7 THEN 'gateway endpoint' WHEN 8 THEN 'internet gateway' END, count(*), sum(packets), sum(bytes) b FROM vpc WHERE traffic_path IS NOT NULL GROUP BY 1 ORDER BY b DESC
