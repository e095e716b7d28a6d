-- has: use1-az1 | use1-az2 | 8
-- lacks: use1-az2 | use1-az1
SELECT az_id, next_hop_az_id, count(*), sum(packets), sum(bytes) FROM vpc WHERE flow_direction = 'egress' AND az_id != next_hop_az_id GROUP BY 1, 2 ORDER BY 5 DESC
