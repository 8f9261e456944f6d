/* Runs a fuzz target over every file of a folder, once: the seeds and found crashes as a plain test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	if (!dir) {
		fprintf(stderr, "usage: %s FOLDER-OF-SEEDS\n", argv[0]);
		return 2;
	}
	unsigned ran = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		FILE *file = fopen(path, "rb");
		if (!file) {
			perror(path);
			return 1;
		}
		fseek(file, 0, SEEK_END);
		long size = ftell(file);
		rewind(file);
		uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
		if (!data || size < 0 || fread(data, 1, (size_t)size, file) != (size_t)size) {
			fprintf(stderr, "cannot read %s\n", path);
			return 1;
		}
		fclose(file);
		LLVMFuzzerTestOneInput(data, (size_t)size);
		free(data);
		ran++;
	}
	closedir(dir);
	printf("%u seeds\n", ran);
	return ran ? 0 : 1;
}
