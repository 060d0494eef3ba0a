"""Reader of anybody's own records: the configuration says where in a record each thing stands."""
